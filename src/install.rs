//! `wanbox --install`: a link for every applet.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Component, Path, PathBuf};

use wanbox_grammar::{Exit, report};

use crate::{NAME, applets};

/// Links every applet into `dir` and says of each what became of it.
pub fn run(dir: &Path, symbolic: bool, force: bool) -> Exit {
    let names: Vec<&str> = applets().map(|applet| applet.name).collect();
    let executable = match executable() {
        Ok(path) => path,
        Err(why) => return report::failure(NAME, why),
    };
    match install(&executable, dir, &names, symbolic, force) {
        Ok(lines) => {
            report::output(&lines);
            Exit::DONE
        }
        Err(problems) => {
            for problem in problems {
                report::error(NAME, problem);
            }
            Exit::FAILED
        }
    }
}

/// This executable's own file. `/proc` may be missing (a bare chroot): then it is looked up as
/// the shell did, by the name it was called by.
fn executable() -> Result<PathBuf, String> {
    if let Ok(path) = std::env::current_exe() {
        return Ok(path);
    }
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let found = if called.components().count() > 1 {
        Some(called.clone())
    } else {
        std::env::var_os("PATH").and_then(|path| {
            std::env::split_paths(&path)
                .map(|dir| dir.join(&called))
                .find(|file| file.is_file())
        })
    };
    found
        .and_then(|path| fs::canonicalize(path).ok())
        .ok_or_else(|| format!("cannot find the executable {called:?}; call it by its path"))
}

/// What is at a link's place.
enum Place {
    Free,
    Ours,
    Taken,
}

/// Looks at every place first, so that a refusal leaves nothing half done. Returns what was done,
/// a line a name, or every problem.
fn install(
    executable: &Path,
    dir: &Path,
    names: &[&str],
    symbolic: bool,
    force: bool,
) -> Result<String, Vec<String>> {
    let refuse = |path: &Path, error: &io::Error| vec![format!("{}: {error}", path.display())];
    let executable = fs::canonicalize(executable).map_err(|e| refuse(executable, &e))?;
    let own = fs::metadata(&executable).map_err(|e| refuse(&executable, &e))?;
    let dir = fs::canonicalize(dir).map_err(|e| refuse(dir, &e))?;
    if !dir.is_dir() {
        return Err(vec![format!("{}: not a directory", dir.display())]);
    }
    let target = if symbolic {
        relative(&executable, &dir)
    } else {
        executable.clone()
    };

    let mut places = Vec::with_capacity(names.len());
    let mut problems = Vec::new();
    for name in names {
        let link = dir.join(name);
        match look(&link, &own) {
            Ok(Place::Taken) if !force => problems.push(format!(
                "{}: exists and is not a link to {}; --force replaces it",
                link.display(),
                executable.display()
            )),
            Ok(place) => places.push((link, place)),
            Err(why) => problems.push(format!("{}: {why}", link.display())),
        }
    }
    if !problems.is_empty() {
        problems.push("nothing was installed".to_owned());
        return Err(problems);
    }

    let mut lines = String::new();
    for (link, place) in places {
        let made = match place {
            Place::Ours => Ok("is there already"),
            Place::Free => make(&target, &link, symbolic).map(|()| "installed"),
            Place::Taken => replace(&target, &link, symbolic).map(|()| "replaced"),
        };
        match made {
            Ok(done) => lines.push_str(&format!("{}: {done}\n", link.display())),
            Err(error) if error.kind() == ErrorKind::CrossesDevices => problems.push(format!(
                "{}: a hard link cannot leave the file system of {}; use -s",
                link.display(),
                executable.display()
            )),
            Err(error) => problems.push(format!("{}: {error}", link.display())),
        }
    }
    if problems.is_empty() {
        Ok(lines)
    } else {
        Err(problems)
    }
}

fn look(link: &Path, own: &Metadata) -> Result<Place, String> {
    let there = match fs::symlink_metadata(link) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::Free),
        Err(error) => return Err(error.to_string()),
    };
    if there.is_dir() {
        return Err("is a directory".to_owned());
    }
    // A symbolic link that leads nowhere is somebody's all the same.
    match fs::metadata(link) {
        Ok(file) if (file.dev(), file.ino()) == (own.dev(), own.ino()) => Ok(Place::Ours),
        _ => Ok(Place::Taken),
    }
}

fn make(target: &Path, link: &Path, symbolic: bool) -> io::Result<()> {
    if symbolic {
        symlink(target, link)
    } else {
        fs::hard_link(target, link)
    }
}

/// Puts the new link in place of the old file in one step.
fn replace(target: &Path, link: &Path, symbolic: bool) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(format!(".{NAME}-{}-", std::process::id()));
    name.push(link.file_name().unwrap_or_default());
    let temporary = link.with_file_name(name);
    make(target, &temporary, symbolic)?;
    fs::rename(&temporary, link).inspect_err(|_| {
        // The error that matters is the rename's.
        let _ = fs::remove_file(&temporary);
    })
}

/// The way from a directory to a file, both absolute and without symbolic links: it stays right
/// when the tree they share is moved, as packages do.
fn relative(file: &Path, dir: &Path) -> PathBuf {
    let file: Vec<Component<'_>> = file.components().collect();
    let dir: Vec<Component<'_>> = dir.components().collect();
    let shared = file.iter().zip(&dir).take_while(|(a, b)| a == b).count();
    let up = dir.iter().skip(shared).map(|_| Component::ParentDir);
    up.chain(file.iter().skip(shared).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for each test, removed at its end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{NAME}-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("sbin")).unwrap();
            fs::create_dir_all(path.join("bin")).unwrap();
            fs::write(path.join("bin/wanbox"), "an executable").unwrap();
            Self(fs::canonicalize(path).unwrap())
        }

        fn install(&self, symbolic: bool, force: bool) -> Result<String, Vec<String>> {
            let executable = self.0.join("bin/wanbox");
            let names = ["wanrouter", "fpipemon"];
            install(&executable, &self.0.join("sbin"), &names, symbolic, force)
        }

        fn read(&self, file: &str) -> String {
            fs::read_to_string(self.0.join(file)).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn hard_and_symbolic_links_are_made_once() {
        let hard = Scratch::new("hard");
        assert!(hard.install(false, false).unwrap().contains("installed"));
        assert_eq!(hard.read("sbin/fpipemon"), "an executable");
        let again = hard.install(false, false).unwrap();
        assert_eq!(again.matches("is there already").count(), 2);
        // The other kind of link is ours as well.
        assert!(hard.install(true, false).is_ok());

        let soft = Scratch::new("soft");
        soft.install(true, false).unwrap();
        let link = fs::read_link(soft.0.join("sbin/wanrouter")).unwrap();
        assert_eq!(link, Path::new("../bin/wanbox"));
        assert_eq!(soft.read("sbin/wanrouter"), "an executable");
        assert!(soft.install(true, false).unwrap().contains("already"));
    }

    #[test]
    fn what_is_not_ours_stays_unless_forced() {
        for symbolic in [false, true] {
            let scratch = Scratch::new(&format!("foreign-{symbolic}"));
            fs::write(scratch.0.join("sbin/fpipemon"), "another").unwrap();
            let problems = scratch.install(symbolic, false).unwrap_err();
            assert!(problems[0].contains("fpipemon"), "{problems:?}");
            assert_eq!(scratch.read("sbin/fpipemon"), "another");
            assert!(
                !scratch.0.join("sbin/wanrouter").exists(),
                "nothing half done"
            );

            let lines = scratch.install(symbolic, true).unwrap();
            assert!(lines.contains("fpipemon: replaced"), "{lines}");
            assert_eq!(scratch.read("sbin/fpipemon"), "an executable");
            assert_eq!(fs::read_dir(scratch.0.join("sbin")).unwrap().count(), 2);
        }
    }

    #[test]
    fn a_dangling_link_is_not_ours_and_a_directory_never_replaced() {
        let scratch = Scratch::new("dangling");
        symlink("/nowhere/wanbox", scratch.0.join("sbin/fpipemon")).unwrap();
        assert!(scratch.install(true, false).is_err());
        fs::create_dir(scratch.0.join("sbin/wanrouter")).unwrap();
        let problems = scratch.install(true, true).unwrap_err();
        assert!(problems[0].contains("directory"), "{problems:?}");
    }

    #[test]
    fn a_missing_directory_is_said() {
        let scratch = Scratch::new("missing");
        fs::remove_dir(scratch.0.join("sbin")).unwrap();
        let problems = scratch.install(true, false).unwrap_err();
        assert!(problems[0].contains("sbin"), "{problems:?}");
    }

    #[test]
    fn relative_ways() {
        let way = |file: &str, dir: &str| relative(Path::new(file), Path::new(dir));
        assert_eq!(
            way("/usr/sbin/wanbox", "/usr/sbin"),
            PathBuf::from("wanbox")
        );
        assert_eq!(
            way("/b/wanbox", "/usr/sbin"),
            PathBuf::from("../../b/wanbox")
        );
        assert_eq!(way("/usr/wanbox", "/"), PathBuf::from("usr/wanbox"));
    }
}
