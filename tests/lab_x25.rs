//! The kernel's LAPB and X.25 at the other end of a line.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::run::finish;
use wanbox_rig::{Lab, Need, Result, TempDir};

use crate::lab::PPP;
use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Lab, Need::LabModules];

/// Words for the kernel's sockets.
const X25: &str = include_str!("lab/x25.sh");

pub fn tests() -> Vec<Trial> {
    vec![
        test("lab_x25::the_kernel_alone", NEEDS, the_kernel_alone),
        test("lab_x25::wanpiped", NEEDS, || peers(8)),
        test("lab_x25::wanpiped_modulo_128", NEEDS, || peers(128)),
    ]
}

/// How many cases the scripts have.
const ALONE: usize = 12;
const PEERS: usize = 24;

/// Runs a script with the kernel's X.25 and a program for its sockets.
fn cases(script: &str, count: usize) -> Result {
    let files = TempDir::new()?;
    let program = stripped(&files)?;
    let ran = Lab::new(&wanbox())
        .modules(&["lapb", "veth", "tun"])
        .built_modules(&["x25", "lapbether"])
        .file(&program, "/usr/local/bin/e2e")
        .timeout(300)
        .run(&format!("{PPP}{X25}{script}"), &[])?;
    ran.cases(count)
}

/// This program, which has the commands for the kernel's sockets, without what debuggers want:
/// it goes through memory.
fn stripped(files: &TempDir) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let small = files.path().join("e2e");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&small).arg(&own);
    let done = finish(&mut strip, Duration::from_secs(60));
    Ok(match done {
        Ok(done) if done.code == 0 => small,
        // Big as it is.
        _ => own,
    })
}

/// What the tests that follow compare with: two ends of one kernel.
fn the_kernel_alone() -> Result {
    cases(include_str!("lab/x25_kernel.sh"), ALONE)
}

/// The kernel calls wanpiped and is called by it: packets of IP, files both ways at once, and what
/// each hears of why the other clears.
fn peers(modulo: u8) -> Result {
    let script = include_str!("lab/x25_peer.sh");
    cases(&format!("MODULO={modulo}\n{script}"), PEERS)
}
