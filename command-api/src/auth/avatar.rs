//! The picture of who brings none.

use md5::{Digest, Md5};

/// An identicon by the MD5 of the e-mail (or of the id, for guests), as the original engine makes it. A URL; nothing
/// is fetched here.
pub fn default_avatar(seed: &str) -> String {
    let digest = Md5::digest(seed.trim().to_lowercase().as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("https://gravatar.com/avatar/{hex}?s=200&d=identicon")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_address_has_the_same_picture() {
        assert_eq!(super::default_avatar("Ann@Example.com "), super::default_avatar("ann@example.com"));
        assert!(super::default_avatar("a@b.c").contains("5d60d4e28066df254d5452f92c910092"));
    }
}
