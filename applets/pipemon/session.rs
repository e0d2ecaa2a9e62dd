//! A run of a monitor: options, connection, command, output, exit code.

use std::io::Write;
use std::time::SystemTime;

use wanbox_grammar::{Exit, argv, report as say};

use crate::client::Client;
use crate::commands::{self, Command};
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::report::{Report, xml_document, xml_error};
use crate::request::{Action, Format, Request};
use crate::{cisco_hdlc, csu_dsu, frame_relay, menu, ppp, top, trace, x25};

/// Runs a monitor with the arguments after its name.
pub fn run(monitor: Monitor, args: &[String], out: &mut dyn Write) -> Exit {
    if args.is_empty() {
        return finish(write(out, &commands::help(monitor)), Format::Text, out);
    }
    let options: Options = match argv::parse(monitor.name(), args) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.traceinfo {
        return finish(write(out, &trace::help(monitor)), Format::Text, out);
    }
    if options.gui {
        return finish(menu::run(monitor, &options, out), Format::Text, out);
    }
    let request = match Request::new(monitor, &options) {
        Ok(request) => request,
        Err(failure) => return finish(Err(failure), Format::Text, out),
    };
    let format = request.format;
    finish(perform(&request, &options, out), format, out)
}

/// Says what is to be said about a failure and turns it into an exit code.
fn finish(done: Result<(), Failure>, format: Format, out: &mut dyn Write) -> Exit {
    match done.and_then(|()| out.flush().map_err(|e| Failure::output(&e))) {
        Ok(()) => Exit::DONE,
        Err(failure) => {
            if !failure.text.is_empty() {
                say::line(&failure.text);
                if format == Format::Xml {
                    // Whoever parses the output learns of the failure from it. Nothing is left
                    // to do when that fails too.
                    let _ = write(out, &document(&xml_error(&failure.text)));
                }
            }
            failure.exit
        }
    }
}

/// Connects, checks that somebody answers, and does what is asked for.
pub fn perform(request: &Request, options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    // What is wrong with a trace's options is said before anything is asked.
    let settings = match &request.action {
        Action::Command(command, _) if command.is_trace() => {
            Some(trace::Settings::new(*command, request, options)?)
        }
        _ => None,
    };
    let mut client = Client::connect(request)?;
    client.probe()?;
    match (&request.action, settings) {
        (Action::Top, _) => top::run(&mut client, request, options, out),
        (Action::Command(..), Some(settings)) => trace::run(&mut client, request, &settings, out),
        (Action::Command(command, words), None) if command.group() == 'T' => csu_dsu::run(
            &mut client,
            request.monitor,
            request.target.interface(),
            command.letters,
            words,
            out,
        ),
        (Action::Command(command, _), None) => {
            let report = ask(&mut client, request, *command)?;
            show(request, *command, &report, out)
        }
    }
}

fn ask(client: &mut Client, request: &Request, command: Command) -> Result<Report, Failure> {
    match request.monitor {
        Monitor::FrameRelay => frame_relay::report(client, command.letters, request.channel),
        Monitor::CiscoHdlc | Monitor::MultiPpp => cisco_hdlc::report(client, command.letters),
        Monitor::Ppp => ppp::report(client, command.letters),
        Monitor::X25 => x25::report(client, command.letters, request.channel),
    }
}

fn show(
    request: &Request,
    command: Command,
    report: &Report,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = match request.format {
        // The programs put an empty line before and after what they say.
        Format::Text => format!("\n{}\n", report.to_text(request.target.interface())),
        Format::Xml => document(&report.to_xml()),
        Format::Json => {
            let object =
                report.to_json_object(request.monitor.name(), &request.target, command.letters);
            format!("{object}\n")
        }
    };
    write(out, &text)
}

fn document(content: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    xml_document(host.trim(), SystemTime::now(), content)
}

/// Writes text; a reader that went away ends the command without a word.
pub fn write(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Failure::output(&e))
}
