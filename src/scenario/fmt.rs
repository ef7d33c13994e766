//! The canonical form of a scenario file. It means the same, and formatting it again changes
//! nothing.
//!
//! Keys come in the order of the scenario reference and top-level keys above the first header;
//! topics, producers, groups, variants and claims keep the order of the file, which numbers them.
//! Comments stay with what they stand above or beside; a comment inside an event or a value moves
//! above its line; comments after everything stay at the end.

use crate::scenario::comments::{Comment, scan};
use crate::scenario::diagnostics::{Diagnostics, Problems, Source};
use crate::scenario::file::syntax;
use crate::scenario::print::{Line, document};

/// Formats a file. Only what is no TOML at all is refused; a scenario with other problems keeps
/// them.
pub fn format(name: &str, text: &str) -> Result<String, Diagnostics> {
    let source = Source {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let mut problems = Problems::new(vec![source]);
    let Some(root) = syntax(text, &mut problems) else {
        return Err(problems.all());
    };
    let comments = scan(text);
    let positions: Vec<u32> = comments.iter().map(|comment| comment.at).collect();
    let lines = document(&root, Some(text), &positions);
    Ok(render(&lines, &comments, text))
}

/// A line's comments.
#[derive(Clone, Debug, Default)]
struct Comments<'c> {
    above: Vec<&'c Comment>,
    beside: Option<&'c Comment>,
}

fn render(lines: &[Line], comments: &[Comment], text: &str) -> String {
    let mut placed: Vec<Comments<'_>> = vec![Comments::default(); lines.len()];
    let mut tail = Vec::new();
    for comment in comments {
        match target(lines, comment, text) {
            Some((index, true)) if placed[index].beside.is_none() => {
                placed[index].beside = Some(comment);
            }
            Some((index, _)) => placed[index].above.push(comment),
            None => tail.push(comment),
        }
    }
    let mut out = String::new();
    for (line, comments) in lines.iter().zip(&placed) {
        if line.apart && !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        write_comments(&mut out, &comments.above, line.comment_indent);
        out.push_str(&" ".repeat(line.indent));
        out.push_str(&line.text);
        if let Some(comment) = comments.beside {
            out.push(' ');
            out.push_str(&comment.text);
        }
        out.push('\n');
    }
    if !tail.is_empty() {
        out.push('\n');
        write_comments(&mut out, &tail, 0);
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

fn write_comments(out: &mut String, comments: &[&Comment], indent: usize) {
    for comment in comments {
        out.push_str(&" ".repeat(indent));
        out.push_str(&comment.text);
        out.push('\n');
        if comment.own_line && comment.blank_after {
            out.push('\n');
        }
    }
}

/// The line that a comment belongs to, and whether it stands beside it.
fn target(lines: &[Line], comment: &Comment, text: &str) -> Option<(usize, bool)> {
    let all = || lines.iter().enumerate();
    if let Some((index, _)) = all().find(|(_, line)| line.extent.has(comment.at)) {
        return Some((index, false));
    }
    if !comment.own_line {
        let before = all()
            .filter(|(_, line)| line.extent.end <= comment.at)
            .max_by_key(|(_, line)| line.extent.end);
        if let Some((index, line)) = before {
            let between = line.extent.end as usize..comment.at as usize;
            if text.get(between).is_some_and(|text| !text.contains('\n')) {
                return Some((index, true));
            }
        }
    }
    all()
        .filter(|(_, line)| line.extent.start >= comment.at && line.extent.start != u32::MAX)
        .min_by_key(|(_, line)| line.extent.start)
        .map(|(index, _)| (index, false))
}
