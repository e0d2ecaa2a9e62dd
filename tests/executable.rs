//! The executable itself: how it is linked, found, installed and refused.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Finished, Need, Result, TempDir, ensure, need};

use crate::{source, test, wanbox};

const LIMIT: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    vec![
        test("executable::is_static", &[], is_static),
        test(
            "executable::is_stripped_and_small",
            &[Need::Build],
            is_small,
        ),
        test(
            "executable::runs_in_an_empty_chroot",
            &[Need::Namespaces, Need::Tool("chroot")],
            runs_in_an_empty_chroot,
        ),
        test("executable::list_names_every_applet", &[], list),
        test("executable::unknown_applet", &[], unknown_applet),
        test("executable::dispatch_by_exact_name", &[], dispatch),
        test(
            "executable::every_applet_has_help",
            &[],
            every_applet_has_help,
        ),
        test("executable::wrong_usage", &[], wrong_usage),
        test("executable::closed_pipe", &[], closed_pipe),
        test("executable::install_symbolic", &[], install_symbolic),
        test("executable::install_hard", &[], install_hard),
        test(
            "executable::install_keeps_what_is_not_its_own",
            &[],
            install_keeps,
        ),
        test(
            "executable::install_refuses_a_missing_directory",
            &[],
            install_missing,
        ),
        test(
            "executable::make_install",
            &[Need::Build, Need::Tool("make")],
            make_install,
        ),
    ]
}

/// Runs the executable with these words.
fn run(words: &[&str]) -> Result<Finished> {
    finish(Command::new(wanbox()).args(words), LIMIT)
}

/// The names `--list` prints, one a line.
pub fn applets() -> Result<Vec<String>> {
    let list = run(&["--list"])?.ok()?;
    ensure!(!list.is_empty(), "--list names nothing");
    Ok(list.lines().map(str::to_owned).collect())
}

/// The little that is needed of a 64-bit ELF file of this machine's byte order.
struct Elf(Vec<u8>);

impl Elf {
    fn open(path: &Path) -> Result<Self> {
        let octets = fs::read(path)?;
        ensure!(
            octets.starts_with(b"\x7fELF\x02"),
            "{}: no 64-bit ELF file",
            path.display()
        );
        Ok(Self(octets))
    }

    fn u16(&self, at: usize) -> usize {
        usize::from(u16::from_ne_bytes(self.0[at..at + 2].try_into().unwrap()))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    fn u64(&self, at: usize) -> usize {
        usize::try_from(u64::from_ne_bytes(self.0[at..at + 8].try_into().unwrap())).unwrap()
    }

    /// The types of its program headers.
    fn segments(&self) -> Vec<u32> {
        let (table, size, count) = (self.u64(32), self.u16(54), self.u16(56));
        (0..count).map(|n| self.u32(table + n * size)).collect()
    }

    /// The types of its sections.
    fn sections(&self) -> Vec<u32> {
        let (table, size, count) = (self.u64(40), self.u16(58), self.u16(60));
        (0..count).map(|n| self.u32(table + n * size + 4)).collect()
    }
}

fn is_static() -> Result {
    const PT_LOAD: u32 = 1;
    const PT_INTERP: u32 = 3;
    let segments = Elf::open(&wanbox())?.segments();
    ensure!(segments.contains(&PT_LOAD), "no program: {segments:?}");
    ensure!(
        !segments.contains(&PT_INTERP),
        "PT_INTERP: the executable is dynamic (was RUSTFLAGS set?)"
    );
    Ok(())
}

fn is_small() -> Result {
    const SHT_SYMTAB: u32 = 2;
    const BUDGET: u64 = 6 << 20;
    let path = need::shipped().ok_or_else(|| Error::new("no build/wanbox"))?;
    ensure!(
        !Elf::open(&path)?.sections().contains(&SHT_SYMTAB),
        "{} has a symbol table",
        path.display()
    );
    let size = fs::metadata(&path)?.len();
    ensure!(size <= BUDGET, "{size} octets; the budget is {BUDGET}");
    Ok(())
}

fn runs_in_an_empty_chroot() -> Result {
    let dir = TempDir::new()?;
    fs::copy(wanbox(), dir.path().join("wanbox"))?;
    let chroot = need::find_tool("chroot").ok_or_else(|| Error::new("no chroot"))?;
    for words in [&["--version"][..], &["--list"], &["fpipemon", "--help"]] {
        let said = finish(
            Command::new(&chroot)
                .arg(dir.path())
                .arg("/wanbox")
                .args(words),
            LIMIT,
        )?
        .ok()?;
        ensure!(!said.is_empty(), "{words:?} printed nothing");
    }
    Ok(())
}

fn list() -> Result {
    let applets = applets()?;
    for wanted in [
        "wanrouter",
        "wanconfig",
        "wanpiped",
        "fpipemon",
        "cpipemon",
        "ppipemon",
        "mppipemon",
        "xpipemon",
    ] {
        ensure!(applets.iter().any(|a| a == wanted), "{wanted}: {applets:?}");
    }
    let mut sorted = applets.clone();
    sorted.sort();
    sorted.dedup();
    ensure!(sorted.len() == applets.len(), "twice: {applets:?}");
    Ok(())
}

fn unknown_applet() -> Result {
    let finished = run(&["frobnicate"])?.code(127)?;
    ensure!(
        finished.stderr.contains("frobnicate") && finished.stderr.contains("fpipemon"),
        "{finished:?}"
    );
    ensure!(finished.stdout.is_empty(), "{finished:?}");
    Ok(())
}

fn dispatch() -> Result {
    let dir = TempDir::new()?;
    let link = |name: &str| -> Result<Finished> {
        let path = dir.path().join(name);
        symlink(wanbox(), &path)?;
        finish(Command::new(path).arg("--help"), LIMIT)
    };
    ensure!(link("fpipemon")?.ok()?.contains("fpipemon"), "no help");
    // A name that only ends in an applet's is not that applet.
    link("myfpipemon")?.code(127)?;
    // And as the first word.
    ensure!(
        run(&["fpipemon", "--help"])?.ok()?.contains("fpipemon"),
        "no help"
    );
    Ok(())
}

fn every_applet_has_help() -> Result {
    for name in applets()? {
        let help = run(&[&name, "--help"])?.ok()?;
        ensure!(
            help.contains(&name) && help.lines().count() > 3,
            "{name} --help:\n{help}"
        );
    }
    Ok(())
}

fn wrong_usage() -> Result {
    for name in applets()? {
        // Debian's nsctl says 1, and scripts know it.
        let code = if name == "nsctl" { 1 } else { 2 };
        let finished = run(&[&name, "--no-such-option"])?.code(code)?;
        ensure!(
            finished.stderr.starts_with(&format!("{name}: ")),
            "{finished:?}"
        );
    }
    Ok(())
}

/// `wanbox --list | head -c 0` must not end in a panic.
fn closed_pipe() -> Result {
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let status = Command::new(wanbox())
        .arg("--list")
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .output()?;
    ensure!(
        status.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&status.stderr)
    );
    Ok(())
}

fn install_symbolic() -> Result {
    let dir = TempDir::new()?;
    let path = dir.path().to_string_lossy().into_owned();
    // Twice: the second time it finds its own links and leaves them.
    for _ in 0..2 {
        run(&["--install", "-s", &path])?.ok()?;
        for name in applets()? {
            let link = dir.path().join(&name);
            ensure!(fs::symlink_metadata(&link)?.is_symlink(), "{name}: no link");
            ensure!(
                fs::canonicalize(&link)? == fs::canonicalize(wanbox())?,
                "{name} leads elsewhere"
            );
        }
    }
    Ok(())
}

fn install_hard() -> Result {
    let dir = TempDir::new()?;
    // Hard links cannot leave a file system: the executable comes along.
    let own = dir.path().join("wanbox");
    fs::copy(wanbox(), &own)?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755))?;
    let bin = dir.path().join("bin");
    fs::create_dir(&bin)?;
    for _ in 0..2 {
        finish(Command::new(&own).arg("--install").arg(&bin), LIMIT)?.ok()?;
        for name in applets()? {
            let found = fs::metadata(bin.join(&name))?.ino();
            ensure!(found == fs::metadata(&own)?.ino(), "{name} is another file");
        }
    }
    Ok(())
}

fn install_keeps() -> Result {
    let dir = TempDir::new()?;
    let path = dir.path().to_string_lossy().into_owned();
    let foreign = dir.path().join("wanrouter");
    fs::write(&foreign, "#!/bin/sh\n")?;
    let finished = run(&["--install", "-s", &path])?.code(1)?;
    ensure!(finished.stderr.contains("wanrouter"), "{finished:?}");
    ensure!(
        fs::read_to_string(&foreign)? == "#!/bin/sh\n",
        "overwritten"
    );
    run(&["--install", "-s", "--force", &path])?.ok()?;
    ensure!(fs::symlink_metadata(&foreign)?.is_symlink(), "not replaced");
    Ok(())
}

fn install_missing() -> Result {
    let dir = TempDir::new()?;
    let path = dir.path().join("nowhere");
    let finished = run(&["--install", "-s", &path.to_string_lossy()])?.code(1)?;
    ensure!(finished.stderr.contains("nowhere"), "{finished:?}");
    Ok(())
}

/// `make install` puts everything below `DESTDIR`, and leaves configuration that is there.
fn make_install() -> Result {
    let dir = TempDir::new()?;
    let make = || {
        let mut make = Command::new("make");
        make.arg("install")
            .arg(format!("DESTDIR={}", dir.path().display()))
            .current_dir(source());
        finish(&mut make, LIMIT)?.ok()
    };
    make()?;
    let at = |path: &str| dir.path().join(path);
    for name in applets()? {
        ensure!(
            fs::canonicalize(at("usr/sbin").join(&name))?
                == fs::canonicalize(at("usr/bin/wanbox"))?,
            "{name} leads elsewhere"
        );
        // The links must hold when the tree is moved to its place.
        let target = fs::read_link(at("usr/sbin").join(&name))?;
        ensure!(
            target.is_relative(),
            "{name} is a link to {}",
            target.display()
        );
        for file in [
            format!("usr/share/man/man8/{name}.8"),
            format!("usr/share/bash-completion/completions/{name}"),
            format!("usr/share/zsh/site-functions/_{name}"),
            format!("usr/share/fish/vendor_completions.d/{name}.fish"),
        ] {
            ensure!(at(&file).is_file(), "{file} is missing");
        }
    }
    let rc = at("etc/wanpipe/wanrouter.rc");
    ensure!(rc.is_file(), "no wanrouter.rc");
    fs::write(&rc, "WAN_DEVICES=\"mine\"\n")?;
    make()?;
    ensure!(
        fs::read_to_string(&rc)? == "WAN_DEVICES=\"mine\"\n",
        "configuration was overwritten"
    );
    Ok(())
}
