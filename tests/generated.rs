//! What is written about the applets: man pages, completions, the README's table.

use std::fs;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Need, Result, ensure, need};

use crate::executable::applets;
use crate::{source, test};

const LIMIT: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "generated::man_pages_are_clean",
            &[Need::Tool("mandoc")],
            man_pages,
        ),
        test("generated::bash_completions", &[Need::Tool("bash")], || {
            completions("bash", &["-n"])
        }),
        test("generated::zsh_completions", &[Need::Tool("zsh")], || {
            completions("zsh", &["-n"])
        }),
        test("generated::fish_completions", &[Need::Tool("fish")], || {
            completions("fish", &["--no-execute"])
        }),
        test("generated::readme_lists_the_applets", &[], readme),
    ]
}

fn man_pages() -> Result {
    let mandoc = need::find_tool("mandoc").ok_or_else(|| Error::new("no mandoc"))?;
    let mut pages = 0;
    for entry in fs::read_dir(source().join("man"))? {
        let page = entry?.path();
        pages += 1;
        let finished = finish(Command::new(&mandoc).args(["-Tlint"]).arg(&page), LIMIT)?;
        // The pages refer to each other, and are not installed here; nor is a machine's index of
        // its own pages always up to date.
        let complaints: Vec<&str> = finished
            .stdout
            .lines()
            .chain(finished.stderr.lines())
            .filter(|line| !line.contains("referenced manual not found"))
            .filter(|line| !line.contains("outdated mandoc.db"))
            .collect();
        ensure!(
            complaints.is_empty(),
            "{}: {}",
            page.display(),
            complaints.join("\n")
        );
    }
    ensure!(pages > applets()?.len(), "only {pages} pages");
    Ok(())
}

/// The shell itself reads every file of its completions.
fn completions(shell: &str, check_only: &[&str]) -> Result {
    let program = need::find_tool(shell).ok_or_else(|| Error::new("no shell"))?;
    let dir = source().join("completions").join(shell);
    let mut files = 0;
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        finish(Command::new(&program).args(check_only).arg(&path), LIMIT)?.ok()?;
        files += 1;
    }
    let wanted = applets()?.len();
    ensure!(
        files >= wanted,
        "{}: {files} files for {wanted} applets",
        dir.display()
    );
    Ok(())
}

/// The rows of the README's table (`| [`name`](...) | ...`) are the names of `--list`.
fn readme() -> Result {
    let text = fs::read_to_string(source().join("README.md"))?;
    let section = text
        .split("\n## ")
        .find(|section| section.starts_with("Applets"))
        .ok_or_else(|| Error::new("README.md has no section Applets"))?;
    let mut rows: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    rows.sort_unstable();
    let mut listed = applets()?;
    listed.sort();
    ensure!(rows == listed, "README.md has {rows:?}, --list {listed:?}");
    Ok(())
}
