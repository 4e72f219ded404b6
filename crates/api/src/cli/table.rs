//! Tables for people, no wider than their terminal. Where nobody watches, each row is one line, however long.

use comfy_table::presets::{UTF8_FULL, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};
use console::Term;

/// Rows under the names of their columns. What stands first is a name or a number, which is never broken in two.
pub(super) fn table<const N: usize>(names: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut drawn = drawn(names, rows);
    if let Some((_, width)) = Term::stdout().size_checked() {
        drawn.set_width(width);
    }
    drawn.to_string()
}

fn drawn<const N: usize>(names: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let is_condensed = rows.iter().flatten().all(|text| !text.contains('\n'));
    let style = if is_condensed { UTF8_FULL_CONDENSED } else { UTF8_FULL };
    let mut table = Table::new();
    table.load_style(style.with_solid_inner_borders());
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(names);
    table.add_rows(rows.iter().map(|row| row.each_ref().map(|text| cell(text))));
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// A text of others moves no cursor and sets no colour. Numbers stand one below the other.
fn cell(text: &str) -> Cell {
    let harmless = |letter: char| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter };
    let cell = Cell::new(text.chars().map(harmless).collect::<String>());
    let is_number = text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
    if is_number { cell.set_alignment(CellAlignment::Right) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_width(width: u16, rows: [[&str; 3]; 2]) -> String {
        let rows = rows.map(|row| row.map(str::to_owned));
        drawn(["Payment", "Items", "Why"], rows).set_width(width).to_string()
    }

    #[test]
    fn a_narrow_terminal_breaks_sentences_and_no_name() {
        let drawn =
            at_width(46, [["order-1001-of-today", "7", "no answer came"], ["order-2", "10+", "it waits for you"]]);
        assert!(drawn.lines().all(|line| line.chars().count() <= 46), "{drawn}");
        assert!(drawn.contains("│ order-1001-of-today │     7 │"), "{drawn}");
        assert!(!drawn.contains("no answer came") && drawn.contains("no answer"), "{drawn}");
    }

    #[test]
    fn a_text_of_others_is_a_text() {
        let drawn = at_width(80, [["order-1", "7", "\u{1b}[31mred\rgone"], ["order-2", "8", "one\ntwo"]]);
        assert!(!drawn.contains('\u{1b}') && !drawn.contains('\r'), "{drawn}");
        assert!(drawn.contains("\u{fffd}[31mred\u{fffd}gone"), "{drawn}");
    }

    #[test]
    fn where_nobody_watches_a_row_is_a_line() {
        let why = "a very long sentence ".repeat(20);
        let drawn = drawn(["Payment", "Why"], [["order-1".to_owned(), why.clone()]]).to_string();
        assert!(drawn.lines().any(|line| line.contains(&format!("order-1 │ {}", why.trim_end()))), "{drawn}");
    }
}
