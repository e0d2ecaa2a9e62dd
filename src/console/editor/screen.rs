//! A terminal of one line: what people see of what is sent to it. For tests and fuzzing.

/// What stands on the line, and the column of the cursor.
///
/// # Errors
/// What a terminal may not be sent: an octet that is no part of the editors' vocabulary (text, CR, LF,
/// BS, BEL, "erase to the end of the line"), or a step left of the line.
pub fn screen(sent: &[u8]) -> Result<(String, usize), String> {
    let mut cells: Vec<char> = Vec::new();
    let mut at: usize = 0;
    let text = std::str::from_utf8(sent).map_err(|error| error.to_string())?;
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match c {
            '\x08' => at = at.checked_sub(1).ok_or("left of the line")?,
            '\r' => at = 0,
            '\n' => cells.clear(),
            '\x07' => {}
            '\x1b' => match (letters.next(), letters.next()) {
                (Some('['), Some('K')) => cells.truncate(at),
                other => return Err(format!("a sequence: {other:?}")),
            },
            c if c.is_control() => return Err(format!("{c:?}")),
            c => {
                if let Some(cell) = cells.get_mut(at) {
                    *cell = c;
                } else {
                    cells.resize(at, ' ');
                    cells.push(c);
                }
                at += 1;
            }
        }
    }
    Ok((cells.iter().collect(), at))
}

/// The line as [`screen`] has it, without blanks at its end, and with the cursor as `_`.
///
/// # Errors
/// As [`screen`].
pub fn screen_with_cursor(sent: &[u8]) -> Result<String, String> {
    let (text, at) = screen(sent)?;
    let mut letters: Vec<char> = format!("{:at$}", text.trim_end()).chars().collect();
    letters.insert(at, '_');
    Ok(letters.into_iter().collect())
}
