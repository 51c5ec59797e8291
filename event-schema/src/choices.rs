//! Closed sets of words, declared once: the Rust enum, its stored words and their order (`<field>_idx`).

/// Declares an enum whose variants are stored and shown as words; the order is the contract's `_idx`.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// The words in the order of the contract.
            pub const OPTIONS: &'static [&'static str] = &[$($word,)*];

            /// The stored word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            /// Words are compared without case, as the contract's enum filters are.
            fn from_str(word: &str) -> Result<Self, String> {
                $(if word.eq_ignore_ascii_case($word) { return Ok(Self::$variant); })*
                Err(format!("`{word}` is none of {}", Self::OPTIONS.join(", ")))
            }
        }
    )*};
}

pub(crate) use choices;
