//! The kernel's LAPB and X.25 at the other end of a line.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::lab::Ran;
use wanbox_rig::run::finish;
use wanbox_rig::{Lab, Need, Result, TempDir, capture, ensure};

use crate::lab::PPP;
use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Lab, Need::LabModules];
const CAPTURED: &[Need] = &[Need::Lab, Need::LabModules, Need::Tool("tshark")];

/// Words for the kernel's sockets.
const X25: &str = include_str!("lab/x25.sh");

pub fn tests() -> Vec<Trial> {
    vec![
        test("lab_x25::the_kernel_alone", NEEDS, the_kernel_alone),
        test("lab_x25::wanpiped_modulo_8", CAPTURED, || peers(8)),
        test("lab_x25::wanpiped_modulo_128", CAPTURED, || peers(128)),
    ]
}

/// How many cases the scripts have.
const ALONE: usize = 12;
const PEERS: usize = 20;

/// Runs a script with the kernel's X.25 and a program for its sockets.
fn cases(script: &str, count: usize) -> Result<Ran> {
    let files = TempDir::new()?;
    let program = stripped(&files)?;
    let ran = Lab::new(&wanbox())
        .modules(&["lapb", "veth", "tun"])
        .built_modules(&["x25", "lapbether"])
        .file(&program, "/usr/local/bin/e2e")
        .timeout(300)
        .run(&format!("{PPP}{X25}{script}"), &[])?;
    ran.cases(count)?;
    Ok(ran)
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
    cases(include_str!("lab/x25_kernel.sh"), ALONE)?;
    Ok(())
}

/// The kernel calls wanpiped and is called by it, with packets of this modulo.
fn peers(modulo: u8) -> Result {
    let script = format!("MODULO={modulo}\n{}", include_str!("lab/x25_peer.sh"));
    let ran = cases(&script, PEERS)?;
    let file = ran.path("line.pcap");
    capture::clean(&file)?;
    // From both ends, and answers to both.
    for filter in ["x25.type == 0x0b", "x25.type == 0x0f", "x25.type == 0x13"] {
        let found = capture::count(&file, filter)?;
        ensure!(found >= 4, "{filter}: {found}");
    }
    Ok(())
}
