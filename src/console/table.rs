//! Tables that people read: columns under their heads, blanks between them.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Padding, Style};

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table with a head line, every line ended by a newline. Cells that a row lacks are empty.
pub fn columns(head: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let mut builder = Builder::with_capacity(rows.len() + 1, head.len());
    builder.push_record(head.iter().map(|(name, _)| *name));
    for row in rows {
        builder
            .push_record((0..head.len()).map(|column| row.get(column).map_or("", String::as_str)));
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    for (column, (_, align)) in head.iter().enumerate() {
        if *align == Align::Right {
            table.modify(Columns::one(column), Alignment::right());
        }
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let head = [
            ("DLCI", Align::Right),
            ("state", Align::Left),
            ("n", Align::Right),
        ];
        let rows = [
            vec!["16".into(), "active".into(), "12345".into()],
            vec!["991".into(), "new".into()],
        ];
        assert_eq!(
            columns(&head, &rows),
            "DLCI  state       n\n  16  active  12345\n 991  new\n"
        );
        assert_eq!(columns(&head, &[]), "DLCI  state  n\n");
    }
}
