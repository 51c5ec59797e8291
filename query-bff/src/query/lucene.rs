//! Lucene's regular expressions as Elasticsearch reads them with `flags: NONE`, for documents in memory: read exactly as
//! Lucene's own parser does, written anew in the syntax of the `regex` crate, and matched as a whole.

use regex::{Regex, RegexBuilder};

/// What the compiled expression may weigh in memory, in bytes.
const MOST: usize = 1 << 20;

/// The expression for whole values; a sentence that says what is wrong with it otherwise.
pub fn regexp(pattern: &str) -> Result<Regex, String> {
    let mut parser = Parser { chars: pattern.chars().collect(), at: 0 };
    let inner = parser.union()?;
    if parser.more() {
        return Err(format!("unexpected `{}` at character {}", parser.chars[parser.at], parser.at));
    }
    let mut builder = RegexBuilder::new(&format!(r"\A(?:{inner})\z"));
    builder.dot_matches_new_line(true).size_limit(MOST).build().map_err(|error| error.to_string())
}

/// Recursive descent with the productions of `org.apache.lucene.util.automaton.RegExp`.
struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn more(&self) -> bool {
        self.at < self.chars.len()
    }

    fn peek(&self, any: &str) -> bool {
        self.chars.get(self.at).is_some_and(|c| any.contains(*c))
    }

    fn take(&mut self, one: char) -> bool {
        let there = self.chars.get(self.at) == Some(&one);
        self.at += usize::from(there);
        there
    }

    fn next(&mut self) -> Result<char, String> {
        let c = self.chars.get(self.at).copied().ok_or("it ends where a character was expected")?;
        self.at += 1;
        Ok(c)
    }

    fn union(&mut self) -> Result<String, String> {
        let mut all = self.concat()?;
        while self.take('|') {
            all = format!("{all}|{}", self.concat()?);
        }
        Ok(all)
    }

    fn concat(&mut self) -> Result<String, String> {
        let mut all = self.repeat()?;
        while self.more() && !self.peek(")|") {
            all.push_str(&self.repeat()?);
        }
        Ok(all)
    }

    fn repeat(&mut self) -> Result<String, String> {
        let mut inner = self.class()?;
        while self.peek("?*+{") {
            let times = match self.next()? {
                '{' => self.times()?,
                sign => sign.to_string(),
            };
            inner = format!("(?:{inner}){times}");
        }
        Ok(inner)
    }

    /// What follows `{`.
    fn times(&mut self) -> Result<String, String> {
        let least = self.integer()?.ok_or_else(|| format!("a number was expected at character {}", self.at))?;
        let most = if self.take(',') { self.integer()? } else { Some(least) };
        if !self.take('}') {
            return Err(format!("`}}` was expected at character {}", self.at));
        }
        match most {
            Some(most) if most < least => Err(format!("{least} to {most} times is never")),
            Some(most) => Ok(format!("{{{least},{most}}}")),
            None => Ok(format!("{{{least},}}")),
        }
    }

    fn integer(&mut self) -> Result<Option<u32>, String> {
        let start = self.at;
        while self.peek("0123456789") {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        if digits.is_empty() { Ok(None) } else { digits.parse().map(Some).map_err(|_| format!("{digits} is too many")) }
    }

    fn class(&mut self) -> Result<String, String> {
        if !self.take('[') {
            return self.simple();
        }
        let mut set = if self.take('^') { "[^".to_owned() } else { "[".to_owned() };
        loop {
            set.push_str(&self.member()?);
            if !self.more() || self.peek("]") {
                break;
            }
        }
        if !self.take(']') {
            return Err(format!("`]` was expected at character {}", self.at));
        }
        Ok(set + "]")
    }

    /// One member of a class: a shorthand, a range or a character.
    fn member(&mut self) -> Result<String, String> {
        if let Some(shorthand) = self.after_backslash()? {
            return Ok(shorthand);
        }
        let first = self.next()?;
        if !self.take('-') {
            return Ok(literal(first));
        }
        self.take('\\');
        let last = self.next()?;
        if last < first {
            return Err(format!("`{first}-{last}` is a range that ends before it begins"));
        }
        Ok(format!("{}-{}", literal(first), literal(last)))
    }

    fn simple(&mut self) -> Result<String, String> {
        if self.take('.') {
            return Ok(".".to_owned());
        }
        if self.take('"') {
            let start = self.at;
            while self.more() && !self.peek("\"") {
                self.at += 1;
            }
            let quoted = self.chars[start..self.at].iter().map(|c| literal(*c)).collect::<String>();
            return if self.take('"') { Ok(format!("(?:{quoted})")) } else { Err("a `\"` is never closed".to_owned()) };
        }
        if self.take('(') {
            if self.take(')') {
                return Ok("(?:)".to_owned());
            }
            let inner = self.union()?;
            return if self.take(')') { Ok(format!("(?:{inner})")) } else { Err("a `(` is never closed".to_owned()) };
        }
        match self.after_backslash()? {
            Some(known) => Ok(known),
            None => self.next().map(literal),
        }
    }

    /// A shorthand such as `\d`, or the character that a backslash takes literally; none without a backslash.
    fn after_backslash(&mut self) -> Result<Option<String>, String> {
        if !self.take('\\') {
            return Ok(None);
        }
        let known = match self.next()? {
            'd' => "[0-9]".to_owned(),
            'D' => "[^0-9]".to_owned(),
            's' => r"[ \t\n\r]".to_owned(),
            'S' => r"[^ \t\n\r]".to_owned(),
            'w' => "[0-9A-Za-z_]".to_owned(),
            'W' => "[^0-9A-Za-z_]".to_owned(),
            letter if letter.is_ascii_alphabetic() => return Err(format!("`\\{letter}` means nothing")),
            other => literal(other),
        };
        Ok(Some(known))
    }
}

/// One character, whatever it would mean.
fn literal(c: char) -> String {
    format!(r"\x{{{:X}}}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::regexp;

    #[track_caller]
    fn fits(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = regexp(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        yes.iter().for_each(|text| assert!(compiled.is_match(text), "`{pattern}` fits `{text}`"));
        no.iter().for_each(|text| assert!(!compiled.is_match(text), "`{pattern}` does not fit `{text}`"));
    }

    #[test]
    fn the_syntax_is_lucenes() {
        fits("B2[0-9]", &["B20"], &["B2", "xB20", "B200", "b20"]);
        fits("a.c", &["abc", "a\nc", "aéc"], &["ac"]);
        fits("(ab|c)+d?", &["ab", "abcd", "c"], &["", "d"]);
        fits("a{2,3}b{2}c{1,}", &["aabbc", "aaabbccc"], &["abbc", "aabc"]);
        fits("[^a-c]", &["d", "é"], &["a", "dd"]);
        fits(r"\d\w\s\D\W\S", &["1_ x.y"], &["1_ 1.y", "١_ x.y"]);
        fits(r#""a*b".\."#, &["a*bx."], &["aabx."]);
        // Signs that mean something to others only.
        fits("^a$", &["^a$"], &["a"]);
        fits("~a&b@c#d<1-2>", &["~a&b@c#d<1-2>"], &["a"]);
        fits("a||b", &["a", "|b"], &["b", ""]);
        fits("*a", &["*a"], &["a"]);
        fits("[]a]", &["]", "a"], &["[", "[]"]);
        fits("()a", &["a"], &[""]);
    }

    #[test]
    fn what_lucene_refuses_is_refused() {
        for bad in
            ["(", "(a", "a)", "[a", "[z-a]", "a{", "a{x}", "a{3", "a{2,1}", r"\q", r"a\", "\"a", "(a{1000}){1000}"]
        {
            assert!(regexp(bad).is_err(), "{bad}");
        }
    }
}
