//! Words as the standard analyzer of Elasticsearch cuts them (Unicode's word boundaries, lower case), and what text
//! operators and `q` find of them, worked out by hand. A value of a document may be any text; what is asked for are words
//! of ASCII letters and digits, about which nobody can be of two minds.

use unicode_segmentation::UnicodeSegmentation;

/// The words of a text.
pub fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

/// The runs of words that stand next to each other in a text and are plain, each at least one long.
pub fn plain_runs(text: &str) -> Vec<Vec<String>> {
    let plain = |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let said = words(text);
    said.split(|word| !plain(word)).filter(|run| !run.is_empty()).map(<[String]>::to_vec).collect()
}

/// Words as somebody types them: their case follows the bits, and they stand apart in one way or another.
pub fn text(words: &[String], bits: u8) -> String {
    let typed = |(place, word): (usize, &String)| match bits >> (2 * (place % 3)) & 3 {
        0 => word.to_uppercase(),
        1 => word[..1].to_uppercase() + &word[1..],
        _ => word.clone(),
    };
    let apart = [" ", " ", "  ", "-"][usize::from(bits >> 6)];
    words.iter().enumerate().map(typed).collect::<Vec<_>>().join(apart)
}

/// What a text operator wants of the words of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// One of those asked for.
    Any,
    /// All of them next to each other.
    Phrase,
    /// The same, the last one perhaps only begun.
    Begun,
}

impl Said {
    /// By the name of the operator.
    pub fn by(operator: &str) -> Option<Self> {
        match operator {
            "match" => Some(Self::Any),
            "match_phrase" => Some(Self::Phrase),
            "match_phrase_prefix" => Some(Self::Begun),
            _ => None,
        }
    }

    /// Whether it holds.
    pub fn holds(self, said: &[String], asked: &[String]) -> bool {
        let last = asked.len().saturating_sub(1);
        let same = |place: usize, word: &String| match self {
            Self::Begun if place == last => word.starts_with(&asked[place]),
            Self::Any | Self::Phrase | Self::Begun => *word == asked[place],
        };
        match self {
            Self::Any => asked.iter().any(|word| said.contains(word)),
            Self::Phrase | Self::Begun => {
                !asked.is_empty()
                    && said
                        .windows(asked.len())
                        .any(|run| run.iter().enumerate().all(|(place, word)| same(place, word)))
            }
        }
    }
}

/// Whether `q` finds a field by its words: all that are asked for, the last one perhaps only begun; to who reads the whole
/// view also all of them nearly.
pub fn found_by_q(said: &[String], asked: &[String], tolerant: bool) -> bool {
    let Some((last, first)) = asked.split_last() else { return false };
    let exactly = first.iter().all(|word| said.contains(word)) && said.iter().any(|word| word.starts_with(last));
    exactly || tolerant && asked.iter().all(|word| said.iter().any(|there| near(there, word)))
}

/// Nearly the same: the same beginning, and behind it no more than one mistake in words of three to five letters, two in
/// longer ones. A mistake is a letter too many, too few, another, or two that changed places.
fn near(said: &str, asked: &str) -> bool {
    let (said, asked): (Vec<char>, Vec<char>) = (said.chars().collect(), asked.chars().collect());
    let most = match asked.len() {
        0..=2 => 0,
        3..=5 => 1,
        6.. => 2,
    };
    said.first() == asked.first() && mistakes(&said[1..], &asked[1..]) <= most
}

/// The distance of Damerau and Levenshtein in which no letter is changed twice.
fn mistakes(one: &[char], other: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let another = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut least = another.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_is_near_to_them() {
        assert_eq!(words("Queen's Gambit: a-b_c 3.5 日本"), ["queen's", "gambit", "a", "b_c", "3.5", "日", "本"]);
        assert_eq!(plain_runs("Queen's Gambit: a-b_c 3.5 x y"), [vec!["gambit", "a"], vec!["x", "y"]]);
        for (said, asked, expected) in [
            ("zug", "zgu", true),
            ("zug", "uzg", false),
            ("zug", "zxgu", false),
            ("zugzwang", "zgzwagn", true),
            ("zugzwang", "zgzwan", true),
            ("zugzwang", "zgzwa", false),
            ("ab", "ac", false),
        ] {
            assert_eq!(near(said, asked), expected, "{said} {asked}");
        }
        let said = words("say mate in two");
        let is = |operator: &str, asked: &str| Said::by(operator).is_some_and(|by| by.holds(&said, &words(asked)));
        assert!(is("match", "X MATE") && is("match_phrase", "mate in") && is("match_phrase_prefix", "in tw"));
        assert!(!is("match", "x") && !is("match_phrase", "say in") && !is("match_phrase_prefix", "i tw"));
    }
}
