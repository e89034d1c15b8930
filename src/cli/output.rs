//! Lines for people. A closed pipe at the other end is no reason to panic.

use std::io::Write;

/// A line on standard output.
pub fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}

/// A line for people where standard output is for programs.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// What is wrong, on standard error.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "standin: {text}");
}

/// Rows in columns as wide as they must be.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["ID".to_owned(), "STATE".to_owned()], vec!["longer".to_owned(), "open".to_owned()]];
        assert_eq!(super::table(&rows), "ID      STATE\nlonger  open");
    }
}
