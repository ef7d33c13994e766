//! A string as the value of a config: short, so that it is copied like a number.

use std::fmt;

/// A string of at most [`Text::MAX_BYTES`] bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text {
    bytes: [u8; Self::MAX_BYTES],
    len: u8,
}

impl Text {
    /// Kafka takes 32,767.
    pub const MAX_BYTES: usize = 64;

    /// The string, unless it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::MAX_BYTES];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = text.len() as u8;
        Some(Self { bytes, len })
    }

    /// As a string.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)])
            .expect("it was made of a whole string")
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_reads_as_it_was_written_up_to_its_limit() {
        let longest = "ä".repeat(Text::MAX_BYTES / 2);
        for text in ["", "billing app", &longest] {
            let made = Text::new(text).expect("it is short enough");
            assert_eq!((made.as_str(), made.to_string()), (text, text.to_owned()));
        }
        assert_eq!(Text::new(&format!("{longest}x")), None);
        assert_ne!(Text::new("a"), Text::new("a\0"));
    }
}
