//! `wanrouter`, `wanconfig`, `wancfg` and the link daemon `wanpiped`.

use wanbox_grammar::Applet;

pub mod conf;
pub mod control;
mod daemons;
mod hwprobe;
mod journal;
mod launch;
mod ops;
mod output;
mod plan;
pub mod proc_files;
mod report;
mod site;
mod wancfg;
mod wanconfig;
mod wanpiped;
mod wanrouter;

pub use wanpiped::fuzz_monitor;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[
    wanrouter::APPLET,
    wanconfig::APPLET,
    wancfg::APPLET,
    wanpiped::APPLET,
];
