//! The monitors `fpipemon` (Frame Relay), `cpipemon` (Cisco HDLC), `ppipemon` (PPP),
//! `mppipemon` (multi-port PPP) and `xpipemon` (X.25).
//!
//! A monitor asks a link daemon over the management protocol, through the
//! line's own interface (UDP) or the daemon's local socket, and shows the answer
//! as text, XML or JSON.
//!
//! | to change | open |
//! |---|---|
//! | options, old and new argument forms | `options.rs`, `request.rs` |
//! | which monitors there are | `monitor.rs` |
//! | which commands there are | `commands.rs` |
//! | asking, retries, time-outs | `client.rs` |
//! | what a command shows | `frame_relay.rs`, `cisco_hdlc.rs`, `ppp.rs`, `ppp/`, `x25.rs`, `driver_statistics*`, `csu_dsu.rs` |
//! | how it is shown | `report.rs` |
//! | traces | `trace/` |
//! | the settings of a CSU/DSU | `cfgft1/` |
//! | menus, live view | `menu.rs`, `top.rs` |
//! | tests | `tests.rs`, `client/tests.rs`, `trace/tests.rs`, `golden/` |
//! | the daemon they ask | `fake.rs`, `scripts.rs` |

mod cfgft1;
mod cisco_hdlc;
mod client;
mod commands;
mod csu_dsu;
mod driver_statistics;
mod failure;
#[cfg(test)]
mod fake;
mod frame_relay;
mod menu;
mod monitor;
mod options;
mod ppp;
mod report;
mod request;
#[cfg(test)]
mod scripts;
mod session;
#[cfg(test)]
mod tests;
mod top;
mod trace;
mod x25;

use argh::ArgsInfo;
use wanbox_grammar::{Applet, Exit};

use monitor::Monitor;
use options::Options;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[
    Applet {
        name: "fpipemon",
        summary: "watch a Frame Relay link",
        page: wanbox_grammar::page!(Options::get_args_info, "man/fpipemon.mdoc"),
        run: |args| run(Monitor::FrameRelay, args),
    },
    Applet {
        name: "cpipemon",
        summary: "watch a Cisco HDLC link",
        page: wanbox_grammar::page!(Options::get_args_info, "man/cpipemon.mdoc"),
        run: |args| run(Monitor::CiscoHdlc, args),
    },
    Applet {
        name: "ppipemon",
        summary: "watch a PPP link",
        page: wanbox_grammar::page!(Options::get_args_info, "man/ppipemon.mdoc"),
        run: |args| run(Monitor::Ppp, args),
    },
    Applet {
        name: "mppipemon",
        summary: "watch a PPP link of a multi-port card",
        page: wanbox_grammar::page!(Options::get_args_info, "man/mppipemon.mdoc"),
        run: |args| run(Monitor::MultiPpp, args),
    },
    Applet {
        name: "xpipemon",
        summary: "watch an X.25 link",
        page: wanbox_grammar::page!(Options::get_args_info, "man/xpipemon.mdoc"),
        run: |args| run(Monitor::X25, args),
    },
    cfgft1::APPLET,
];

fn run(monitor: Monitor, args: &[String]) -> Exit {
    session::run(monitor, args, &mut std::io::stdout().lock())
}

pub use trace::fuzz_trace;
