//! The comments of a TOML text, found by a small scanner that knows strings.

/// A comment of the old text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct Comment {
    /// Where its `#` stands.
    pub(in crate::scenario) at: u32,
    /// The comment, from `#`, without spaces at its end.
    pub(in crate::scenario) text: String,
    /// Nothing stands before it on its line.
    pub(in crate::scenario) own_line: bool,
    /// A blank line follows.
    pub(in crate::scenario) blank_after: bool,
}

/// All comments of a text that is valid TOML.
pub(in crate::scenario) fn scan(text: &str) -> Vec<Comment> {
    let bytes = text.as_bytes();
    let mut comments = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => {
                let end = text[at..]
                    .find('\n')
                    .map_or(text.len(), |length| at + length);
                comments.push(comment(text, at, end));
                at = end;
            }
            quote @ (b'"' | b'\'') => at = after_string(bytes, at, quote),
            _ => at += 1,
        }
    }
    comments
}

fn comment(text: &str, at: usize, end: usize) -> Comment {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(end + 1..).unwrap_or("");
    let next_line = rest.split('\n').next().unwrap_or("");
    Comment {
        at: at as u32,
        text: text[at..end].trim_end().to_owned(),
        own_line: text[line_start..at].trim().is_empty(),
        blank_after: end < text.len() && !rest.is_empty() && next_line.trim().is_empty(),
    }
}

/// Where a string that starts at `at` is over.
fn after_string(bytes: &[u8], at: usize, quote: u8) -> usize {
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let escapes = quote == b'"';
    let mut at = at + if triple { 3 } else { 1 };
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 2;
        } else if triple && bytes[at..].starts_with(&[quote; 3]) {
            at += 3;
            // Up to two quotes more belong to the string's end.
            while bytes.get(at) == Some(&quote) {
                at += 1;
            }
            return at;
        } else if !triple && (bytes[at] == quote || bytes[at] == b'\n') {
            return at + 1;
        } else {
            at += 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_in_a_string_is_no_comment() {
        let text =
            "a = \"# \\\" #\" # one\nb = '#'\nc = \"\"\"\n# \"\"\"\" # two\n\n# three\n\nd = 1";
        let found = scan(text);
        let texts: Vec<_> = found.iter().map(|comment| comment.text.as_str()).collect();
        assert_eq!(texts, ["# one", "# two", "# three"]);
        assert!(!found[0].own_line && found[2].own_line);
        assert!(found[2].blank_after && !found[0].blank_after);
    }
}
