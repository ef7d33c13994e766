//! A picture as SVG text: shapes at whole pixels, looks by class, and no word about fonts but the
//! reader's own sans-serif, so that the same picture is the same bytes on every machine.

use std::fmt::Write as _;

/// Looks that hold without colour, too: dark, dashed and hatched differ in print.
const LOOKS: &str = "\
svg{background:#fff}\
text{font-family:sans-serif;font-size:11px;fill:#222}\
.title{font-size:16px;font-weight:bold}\
.panel{font-size:12px;font-weight:bold}\
.soft{fill:#555}\
.grid{stroke:#e2e2e2}\
.axis{stroke:#555}\
.mark{stroke:#777;stroke-dasharray:2 3}\
.area{fill:#d5dbe2}\
.solid{fill:none;stroke:#123a6b;stroke-width:2}\
.dashed{fill:none;stroke:#b3440a;stroke-width:2;stroke-dasharray:6 3}\
.bar{fill:#7d93ad}\
.rank{stroke:#111;stroke-width:1.5}\
.lead0{fill:#fff;stroke:#555}\
.lead1{fill:#c9d5e3;stroke:#555}\
.lead2{fill:#eadfc8;stroke:#555}\
.lead3{fill:#b4c4b4;stroke:#555}\
.gone{fill:url(#hatch);stroke:#555}\
.v0{fill:none;stroke:#123a6b;stroke-width:2}\
.v1{fill:none;stroke:#b3440a;stroke-width:2;stroke-dasharray:7 3}\
.v2{fill:none;stroke:#1c6b3c;stroke-width:2;stroke-dasharray:2 2}\
.v3{fill:none;stroke:#6b2a86;stroke-width:2;stroke-dasharray:11 3 2 3}\
.v4{fill:none;stroke:#aaa;stroke-width:5}\
.v5{fill:none;stroke:#000;stroke-width:1;stroke-dasharray:14 5}\
.letter{font-weight:bold;stroke:#fff;stroke-width:3;stroke-linejoin:round;paint-order:stroke}\
.dot{fill:#123a6b;fill-opacity:.75}\
.halo{stroke:#fff;stroke-width:4;stroke-linejoin:round;paint-order:stroke}";

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A picture in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// A straight line.
    pub(super) fn line(&mut self, class: &str, (x1, y1): (i64, i64), (x2, y2): (i64, i64)) {
        self.push(format_args!(
            r#"<line class="{class}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#
        ));
    }

    /// A rectangle; what it is, when a pointer rests on it or a screen reader comes by.
    pub(super) fn rect(
        &mut self,
        class: &str,
        (x, y): (i64, i64),
        (width, height): (i64, i64),
        title: &str,
    ) {
        let shape = format!(r#"class="{class}" x="{x}" y="{y}" width="{width}" height="{height}""#);
        if title.is_empty() {
            self.push(format_args!("<rect {shape}/>"));
        } else {
            let title = escaped(title);
            self.push(format_args!("<rect {shape}><title>{title}</title></rect>"));
        }
    }

    /// A circle.
    pub(super) fn circle(&mut self, class: &str, (x, y): (i64, i64), radius: i64) {
        self.push(format_args!(
            r#"<circle class="{class}" cx="{x}" cy="{y}" r="{radius}"/>"#
        ));
    }

    /// A line through points that goes straight across, then straight up or down: a value that
    /// holds until the next.
    pub(super) fn steps(&mut self, class: &str, points: &[(i64, i64)], until: i64) {
        if let Some(path) = stairs(points, until) {
            self.push(format_args!(r#"<path class="{class}" d="{path}"/>"#));
        }
    }

    /// The area between such a line and a floor.
    pub(super) fn area(&mut self, class: &str, points: &[(i64, i64)], until: i64, floor: i64) {
        let (Some(path), Some((first, _))) = (stairs(points, until), points.first()) else {
            return;
        };
        self.push(format_args!(
            r#"<path class="{class}" d="{path}V{floor}H{first}Z"/>"#
        ));
    }

    /// A text on its baseline.
    pub(super) fn text(&mut self, class: &str, (x, y): (i64, i64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let text = escaped(text);
        self.push(format_args!(
            r#"<text class="{class}" x="{x}" y="{y}"{anchor}>{text}</text>"#
        ));
    }

    /// The whole picture, with what it is called and what it shows in words. `name` tells it from
    /// other pictures of the same page.
    pub(super) fn finish(
        self,
        (width, height): (i64, i64),
        name: &str,
        (title, says): (&str, &str),
    ) -> String {
        let (title, says) = (escaped(title), escaped(says));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title" aria-describedby="{name}-desc">
<title id="{name}-title">{title}</title>
<desc id="{name}-desc">{says}</desc>
<style>{LOOKS}</style>
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/><line x1="0" y1="0" x2="0" y2="6" stroke="#666" stroke-width="3"/></pattern></defs>
<rect width="{width}" height="{height}" fill="#fff"/>
{}</svg>
"##,
            self.body
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes all");
    }
}

/// The path of a value that holds until the next. Points on a straight line are left out.
fn stairs(points: &[(i64, i64)], until: i64) -> Option<String> {
    let (x, mut level) = *points.first()?;
    let mut path = format!("M{x} {level}");
    for (x, y) in &points[1..] {
        if *y != level {
            write!(path, "H{x}V{y}").expect("a string takes all");
            level = *y;
        }
    }
    write!(path, "H{until}").expect("a string takes all");
    Some(path)
}

/// A text as XML takes it.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push(c),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// How wide a text is at most, at 11 pixels, in whatever sans-serif the reader has.
pub(super) fn width_of(text: &str) -> i64 {
    7 * text.chars().count() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_until_the_next() {
        let points = [(0, 9), (10, 9), (20, 3), (30, 3)];
        assert_eq!(stairs(&points, 40).unwrap(), "M0 9H20V3H40");
        assert_eq!(stairs(&[], 40), None);
    }

    #[test]
    fn a_name_of_the_user_can_not_break_the_picture() {
        let mut svg = Svg::default();
        svg.text("", (1, 2), Anchor::Start, "<b> & \"\u{7}\"");
        let text = svg.finish((10, 10), "x", ("a < b", "c & d"));
        assert!(
            text.contains(">&lt;b&gt; &amp; &quot; &quot;</text>"),
            "{text}"
        );
        assert!(
            text.contains("a &lt; b") && text.contains("c &amp; d"),
            "{text}"
        );
    }
}
