//! The end-to-end tests: the executable as people use it, in network namespaces
//! of its own, judged by programs that nobody here wrote.
//!
//! A test says what it needs of the machine; where that is missing it is skipped,
//! with the reason, and counted so. `WANBOX_BIN` names the executable to test
//! (`make test` sets it to build/wanbox); without it the debug build is tested.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};
use wanbox_rig::{Need, need, sandbox};

mod again;
mod agwpe;
mod api;
mod async_mode;
mod ax25;
mod backup;
mod cisco_hdlc;
mod commands;
mod corpus;
mod direwolf;
mod echoes;
mod eql;
mod eql_dial;
mod eql_replay;
mod eqld;
mod executable;
mod faults;
mod frame_relay;
mod generated;
mod injector;
mod keyboard;
mod l2tpns;
mod l2tpns_cli;
mod l2tpns_config;
mod l2tpns_plugins;
mod lab;
mod lab_ax25;
mod lab_eql;
mod lab_eql_dial;
mod lab_l2tp;
mod lab_net;
mod lab_netrom;
mod lab_ppp;
mod lab_x25;
mod lapb;
mod lines;
mod monitors;
mod monitors_ppp;
mod monitors_x25;
mod net;
mod net_devices;
mod net_full;
mod net_logins;
mod net_paths;
mod net_radio;
mod net_services;
mod network;
mod nsctl;
mod ppp;
mod pppconfig;
mod radius;
mod sdladump;
mod tty;
mod wancfg;
mod x25;
mod x25_api;
mod x25_wire;
mod xot;

/// The executable under test.
fn wanbox() -> PathBuf {
    need::shipped().unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_wanbox")))
}

/// The top of the source tree.
fn source() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A test that is skipped where something it needs is missing.
fn test(
    name: impl Into<String>,
    needs: &'static [Need],
    run: impl Fn() -> wanbox_rig::Result + Send + 'static,
) -> Trial {
    let name = name.into();
    Trial::ignorable_test(name.clone(), move || {
        if let Some(missing) = needs.iter().find_map(|need| need.missing()) {
            return Ok(Completion::ignored_with(format!(
                "skipped: needs {missing}"
            )));
        }
        again::run(&name, &run).map(|()| Completion::Completed)
    })
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    // In the kernel lab: a program that speaks to its kernel.
    if let [_, word, rest @ ..] = words.as_slice()
        && word == wanbox_kernel_x25::WORD
    {
        return wanbox_kernel_x25::run(rest);
    }
    let mut arguments = Arguments::from_args();
    if !arguments.list {
        match sandbox::enter() {
            Ok(None) => {}
            Ok(Some(code)) => return code,
            Err(error) => {
                eprintln!("e2e: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    // Most tests wait for timers of protocols: more of them at once than there are processors.
    arguments.test_threads = arguments.test_threads.or(Some(8));
    let mut trials = Vec::new();
    trials.extend(executable::tests());
    trials.extend(generated::tests());
    trials.extend(commands::tests());
    trials.extend(corpus::tests());
    trials.extend(frame_relay::tests());
    trials.extend(cisco_hdlc::tests());
    trials.extend(ppp::tests());
    trials.extend(lapb::tests());
    trials.extend(xot::tests());
    trials.extend(api::tests());
    trials.extend(monitors::tests());
    trials.extend(monitors_ppp::tests());
    trials.extend(monitors_x25::tests());
    trials.extend(sdladump::tests());
    trials.extend(faults::tests());
    trials.extend(wancfg::tests());
    trials.extend(x25::tests());
    trials.extend(pppconfig::tests());
    trials.extend(radius::tests());
    trials.extend(agwpe::tests());
    trials.extend(ax25::tests());
    trials.extend(backup::tests());
    trials.extend(eqld::tests());
    trials.extend(eql_dial::tests());
    trials.extend(nsctl::tests());
    trials.extend(l2tpns::tests());
    trials.extend(l2tpns_cli::tests());
    trials.extend(l2tpns_plugins::tests());
    trials.extend(l2tpns_config::tests());
    trials.extend(net::tests());
    trials.extend(net_devices::tests());
    trials.extend(net_full::tests());
    trials.extend(net_logins::tests());
    trials.extend(net_services::tests());
    trials.extend(keyboard::tests());
    trials.extend(net_paths::tests());
    trials.extend(net_radio::tests());
    trials.extend(lines::tests());
    trials.extend(tty::tests());
    trials.extend(async_mode::tests());
    // Last: each of these keeps a processor busy.
    trials.extend(lab::tests());
    trials.extend(lab_ppp::tests());
    trials.extend(lab_l2tp::tests());
    trials.extend(direwolf::tests());
    trials.extend(lab_ax25::tests());
    trials.extend(lab_net::tests());
    trials.extend(lab_netrom::tests());
    trials.extend(lab_x25::tests());
    trials.extend(lab_eql::tests());
    trials.extend(lab_eql_dial::tests());
    trials.extend(eql::tests());
    trials.extend(eql_replay::tests());
    trials.extend(x25_wire::tests());
    trials.extend(x25_api::tests());
    let conclusion = libtest_mimic::run(&arguments, trials);
    again::report();
    conclusion.exit_code()
}
