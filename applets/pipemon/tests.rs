//! The monitors against a link daemon made for them: every command letter, errors, time-outs.
//!
//! What the commands show is in golden/: a file a monitor, the commands in their order. Each
//! counter holds a number of its own (a base plus its offset in the structure), so that a value
//! at the wrong label is seen. After a wanted change run with `WANBOX_GOLDEN=write` and read the
//! difference.

use serde_json::Value as Json;
use wanbox_grammar::{Exit, argv};
use wanbox_wire::pipemon::opcode::{fr, ppp};

use crate::commands;
use crate::fake::{Asked, Fake, Fault, INTERFACE, Script};
use crate::monitor::Monitor;
use crate::options::Options;
use crate::scripts::{
    CHDLC, FR, MPPP, PPP, X25, attempt, by_name, by_udp, cisco, cpe, golden, node, ppp_link,
    ppp_old_board, words, x25_disconnected, x25_link,
};
use crate::session;

/// The commands whose answer is one report.
fn reading(monitor: Monitor) -> impl Iterator<Item = commands::Command> {
    commands::all(monitor)
        .iter()
        .copied()
        .filter(|c| !c.is_trace() && c.group() != 'T')
}

fn line_of(command: commands::Command) -> String {
    let channel = match (command.needs_channel, command.letters) {
        (false, _) => "",
        // X.25's.
        (true, "cc") => " -lcn 16",
        (true, _) => " -d 16",
    };
    format!("-c {}{channel}", command.letters)
}

fn reports(monitor: Monitor, script: Script, file: &str) {
    let fake = Fake::start(script, Fault::None);
    let mut all = String::new();
    for command in reading(monitor) {
        let line = line_of(command);
        let local = by_name(&fake, monitor, &line).unwrap();
        // An address in place of the name changes the banner only.
        let remote = by_udp(&fake, monitor, &line).unwrap();
        let rest = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
        let body = |text: &str| match text.split_once("\t---") {
            Some((before, banner)) => format!("{before}{}", rest(banner)),
            // No banner.
            None => text.to_owned(),
        };
        assert_eq!(body(&remote), body(&local), "{line}");
        all.push_str(&format!(
            "$ {} -i {INTERFACE} {line}\n{local}",
            monitor.name()
        ));
    }
    golden(file, &all);
}

#[test]
fn frame_relay_reports() {
    reports(FR, cpe, "fpipemon.txt");
}

#[test]
fn frame_relay_reports_of_a_node_that_is_down() {
    reports(FR, node, "fpipemon-node.txt");
}

#[test]
fn cisco_hdlc_reports() {
    reports(CHDLC, cisco, "cpipemon.txt");
}

#[test]
fn ppp_reports() {
    reports(PPP, ppp_link, "ppipemon.txt");
}

#[test]
fn x25_reports() {
    reports(X25, x25_link, "xpipemon.txt");
    let fake = Fake::start(x25_disconnected, Fault::None);
    let text = by_name(&fake, X25, "-c xl").unwrap();
    assert!(text.contains("\t    Link is in a disconnected mode : Disconnected\n"));
    let text = by_name(&fake, X25, "-c cl").unwrap();
    assert!(text.ends_with("There are NO ACTIVE CHANNELS\n\n"), "{text}");
    for (line, text) in [
        ("-c cc", "Error: Please enter a non-zero LCN"),
        ("-c cc -lcn 4096", "ERROR: LCN 4096 is not in 0 to 4095"),
        ("-c cc -lcn x", "ERROR: LCN must be an integer!"),
        ("-c xl -d 16", "ERROR: only Frame Relay has DLCIs"),
        (
            "-c ti -x25opt ALL",
            "ERROR: -x25opt 'ALL' is neither DATA nor PROT",
        ),
        (
            "-c ti -ascii -ebcdic",
            "ERROR: give one of -hex, -ascii and -ebcdic",
        ),
        (
            "-c ti -brief -hex -ascii",
            "ERROR: give one of -hex, -ascii and -ebcdic",
        ),
        (
            "-c cc -lcn 7",
            "Error: There is no such logical channel, or no call on it",
        ),
        (
            "-c Tv",
            "ERROR: Invalid FT1/T1/E1 Command 'T', Type xpipemon <cr> for help",
        ),
    ] {
        let failure = by_name(&fake, X25, line).unwrap_err();
        assert!(failure.text.starts_with(text), "{line}: {}", failure.text);
    }
    let failure = attempt(FR, "-i wp1 -c sg -lcn 3").unwrap_err();
    assert!(
        failure
            .text
            .starts_with("ERROR: only X.25 has -lcn and -x25opt")
    );
}

#[test]
fn ppp_reports_of_an_old_board_that_is_down() {
    reports(PPP, ppp_old_board, "ppipemon-502.txt");
}

/// The daemon that a monitor's tests ask.
fn script_of(monitor: Monitor) -> Script {
    match monitor {
        Monitor::FrameRelay => cpe,
        Monitor::CiscoHdlc | Monitor::MultiPpp => cisco,
        Monitor::Ppp => ppp_link,
        Monitor::X25 => x25_link,
    }
}

#[test]
fn multi_port_ppp_is_asked_as_cisco_hdlc_is() {
    let fake = Fake::start(cisco, Fault::None);
    for command in reading(MPPP) {
        let line = line_of(command);
        let text = by_name(&fake, MPPP, &line).unwrap();
        assert_eq!(text, by_name(&fake, CHDLC, &line).unwrap(), "{line}");
        let json = by_name(&fake, MPPP, &format!("{line} --json")).unwrap();
        let object: Json = serde_json::from_str(&json).unwrap();
        assert_eq!(object["monitor"], "mppipemon");
    }
}

#[test]
fn ppp_commands_in_every_spelling() {
    for (spellings, opcode) in [
        (&["slpc", "slcp"][..], ppp::READ_LCP_STATS),
        (&["slo"], ppp::READ_LPBK_STATS),
        (&["sipc", "sipcp"], ppp::READ_IPCP_STATS),
        (&["sxpc", "sipxc"], ppp::READ_IPXCP_STATS),
        (&["flcp", "flpc"], ppp::FLUSH_LCP_STATS),
        (&["fipxc", "fxpc"], ppp::FLUSH_IPXCP_STATS),
        (&["ds"], ppp::DRIVER_STAT_IFSEND),
    ] {
        for letters in spellings {
            let fake = Fake::start(ppp_link, Fault::None);
            by_udp(&fake, PPP, &format!("-c {letters}")).unwrap();
            assert_eq!(fake.asked()[0], (opcode, 0, Vec::new()), "{letters}");
        }
    }
    let fake = Fake::start(ppp_link, Fault::None);
    let old = attempt(PPP, &format!("d dg 127.0.0.1 {} --timeout 50ms", fake.port)).unwrap();
    assert_eq!(old, by_udp(&fake, PPP, "-c dg").unwrap());
    for (letters, kind) in [("xq", "Status "), ("dq", "Driver Stat "), ("q", "")] {
        let group = &letters[..1];
        let failure = attempt(PPP, &format!("-i x -c {letters}")).unwrap_err();
        assert_eq!(
            failure.text,
            format!("ERROR: Invalid {kind}Command '{group}', Type ppipemon <cr> for help")
        );
    }
}

#[test]
fn refused_ppp_commands_fail() {
    let fake = Fake::start(
        |request| match request.opcode() {
            ppp::READ_CONFIG | ppp::READ_CODE_VERSION => ppp_link(request),
            ppp::READ_LPBK_STATS => Some((0xCD, Vec::new())),
            ppp::GET_IBA_DATA => Some((0, vec![0; 8])),
            _ => Some((9, Vec::new())),
        },
        Fault::None,
    );
    for (letters, text) in [
        (
            "slo",
            "Error: Command failed! It is not allowed from the far end.",
        ),
        ("slpc", "Error: Command failed!"),
        (
            "xs",
            "Error: malformed answer: IbaData: 8 octets where 9 are needed",
        ),
        ("Tv", "This command is only possible with S508/FT1 board!"),
    ] {
        let failure = by_udp(&fake, PPP, &format!("-c {letters}")).unwrap_err();
        assert_eq!((failure.exit, failure.text.as_str()), (Exit::FAILED, text));
    }
}

#[test]
fn json_and_xml_of_every_report() {
    for (monitor, script, file) in [
        (FR, cpe as Script, "fpipemon.json"),
        (CHDLC, cisco, "cpipemon.json"),
        (PPP, ppp_link, "ppipemon.json"),
        (X25, x25_link, "xpipemon.json"),
    ] {
        let fake = Fake::start(script, Fault::None);
        let mut all = String::new();
        for command in reading(monitor) {
            let line = line_of(command);
            let text = by_name(&fake, monitor, &format!("{line} --json")).unwrap();
            let object: Json = serde_json::from_str(&text).unwrap();
            assert_eq!(object["monitor"], monitor.name());
            assert_eq!(object["interface"], INTERFACE);
            assert_eq!(object["command"], command.letters);
            assert!(object["values"].as_object().is_some_and(|v| !v.is_empty()));
            all.push_str(&text);
            let xml = by_name(&fake, monitor, &format!("{line} -x")).unwrap();
            assert!(xml.starts_with("<router name=\""), "{xml}");
            balanced(&xml);
        }
        golden(file, &all);
    }
    let fake = Fake::start(cpe, Fault::None);
    let xml = by_name(&fake, FR, "-c sc -x").unwrap();
    let output = xml.split_once("<output>\n").unwrap().1;
    assert!(output.starts_with(
        " <header name=\"Communication Error Statistics\">\n    \
         <value name=\"Number of receiver overrun errors\">\n      100\n    </value>\n"
    ));
    assert!(output.ends_with("    </value>\n </header>\n </output>\n</router>\n"));
}

/// Every element is closed, in order.
fn balanced(xml: &str) {
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{xml}"),
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn what_each_command_asks() {
    let none = Vec::new;
    let fr_asks: [(&str, Vec<Asked>); 16] = [
        ("xm", vec![(0x30, 0, none())]),
        ("xl", vec![(0x14, 0, none())]),
        ("xru", vec![(0x49, 0, none())]),
        ("cl", vec![(0x17, 0, none())]),
        ("clr", vec![(0x14, 0, none())]),
        ("sc", vec![(0x32, 0, none())]),
        ("sd -d 16", vec![(0x15, 16, vec![0]), (0x19, 16, none())]),
        ("ds", vec![(0x45, 0, none())]),
        ("di", vec![(0x46, 0, none())]),
        ("dg", vec![(0x47, 0, none())]),
        ("fg", vec![(0x16, 0, vec![1])]),
        ("fe", vec![(0x16, 0, vec![1])]),
        ("fc", vec![(0x33, 0, none()), (0x32, 0, none())]),
        ("fi -d 16", vec![(0x16, 16, none())]),
        ("fd", vec![(0x48, 0, none())]),
        ("se", vec![(0x11, 0, none()), (0x15, 0, vec![0])]),
    ];
    for (line, asks) in fr_asks {
        let fake = Fake::start(cpe, Fault::None);
        by_udp(&fake, FR, &format!("-c {line}")).unwrap();
        let asked = fake.asked();
        assert_eq!(asked.get(..asks.len()), Some(asks.as_slice()), "{line}");
        let probe: Vec<u8> = fake.asked_in_all().iter().take(2).map(|a| a.0).collect();
        assert_eq!(probe, [fr::READ_CONFIG, fr::READ_CODE_VERSION]);
    }
    for (line, opcodes) in [
        ("xm", vec![0x07]),
        ("xl", vec![0x26]),
        ("xcv", vec![0x20]),
        ("xru", vec![0x59]),
        ("crc", vec![0x23]),
        ("creset", vec![0x25, 0x2C, 0x24]),
        ("sg", vec![0x04]),
        ("sc", vec![0x08]),
        ("so", vec![0x27]),
        ("ss", vec![0x27]),
        ("fg", vec![0x05, 0x04]),
        ("fc", vec![0x09, 0x08]),
        ("fo", vec![0x28, 0x27]),
        ("fs", vec![0x28, 0x27]),
        ("Tread", vec![0x19]),
        ("Tset 0 0 0 1 1536 0", vec![0x18]),
        ("To", {
            // Watch, twenty looks, do not watch.
            let mut opcodes = vec![0x1C];
            opcodes.extend([0x54; 20]);
            opcodes.push(0x1C);
            opcodes
        }),
    ] {
        let fake = Fake::start(cisco, Fault::None);
        by_udp(&fake, CHDLC, &format!("-c {line}")).unwrap();
        let asked: Vec<u8> = fake.asked().iter().map(|a| a.0).collect();
        assert_eq!(asked, opcodes, "{line}");
    }
    for (line, opcodes) in [
        ("xm", &[0x23][..]),
        ("xn", &[0x32]),
        ("xru", &[0x30]),
        ("xu", &[0x06]),
        ("xs", &[0x23]),
        ("xc", &[0x23]),
        ("cg", &[0x06]),
        ("ca", &[0x06]),
        ("ci", &[0x06]),
        ("cx", &[0x06]),
        // The configuration says which board it is.
        ("sg", &[0x06, 0x07]),
        ("sc", &[0x06, 0x09]),
        ("sp", &[0x12]),
        ("slpc", &[0x14]),
        ("slo", &[0x16]),
        ("sipc", &[0x18]),
        ("sxpc", &[0x1A]),
        ("spap", &[0x1C]),
        ("schp", &[0x1E]),
        ("di", &[0x27]),
        ("dg", &[0x28]),
        ("fg", &[0x08, 0x06, 0x07]),
        ("fc", &[0x0A, 0x06, 0x09]),
        ("fp", &[0x13, 0x12]),
        ("flo", &[0x17, 0x16]),
        ("fipc", &[0x19, 0x18]),
        ("fpap", &[0x1D, 0x1C]),
        ("fchp", &[0x1F, 0x1E]),
        ("fd", &[0x29]),
    ] {
        let fake = Fake::start(ppp_link, Fault::None);
        by_udp(&fake, PPP, &format!("-c {line}")).unwrap();
        let asked: Vec<u8> = fake.asked().iter().map(|a| a.0).collect();
        assert_eq!(asked, opcodes, "{line}");
    }
}

#[test]
fn csu_dsu() {
    let fake = Fake::start(cisco, Fault::None);
    assert_eq!(
        by_name(&fake, CHDLC, "-c Tread").unwrap(),
        "CSU/DSU wp1_test Configuration:\n\tFraming\t\tD4\n\tEncoding\tAMI\n\
         \tLine Build\t-7.5 dB\n\tChannel Base\t3\n\tBaud Rate\t1344\n\tClock Mode\tMASTER\n"
    );
    assert_eq!(
        by_name(&fake, CHDLC, "-c Tset 0 0 7 24 64 1").unwrap(),
        "CSU/DSU Configuration Successfull!\n"
    );
    let (_, _, data) = fake.asked().pop().unwrap();
    assert_eq!(data, [0, 0, 0, 0, 7, 0, 24, 0, 64, 0, 1, 0]);
    let failure = by_name(&fake, CHDLC, "-c Tset 0 0 7 24 65 1").unwrap_err();
    assert_eq!(failure.exit, Exit::USAGE);
    // Frame Relay here has no unit.
    let fake = Fake::start(cpe, Fault::None);
    for letters in ["Tv", "Ts", "Tl", "Td", "Tr", "To"] {
        let failure = by_name(&fake, FR, &format!("-c {letters}")).unwrap_err();
        assert_eq!(failure.exit, Exit::FAILED);
        assert_eq!(
            failure.text,
            "This command is only possible with S508/FT1 board!"
        );
    }
}

#[test]
fn old_form() {
    for monitor in Monitor::ALL {
        let script = script_of(monitor);
        for command in reading(monitor).filter(|c| !c.old.is_empty()) {
            let fake = Fake::start(script, Fault::None);
            let dlci = if command.needs_channel { "16 " } else { "" };
            let line = format!(
                "{} {dlci}127.0.0.1 {} --timeout 50ms",
                command.old, fake.port
            );
            let old = attempt(monitor, &line).unwrap();
            let asked = fake.asked();
            assert_eq!(
                old,
                by_udp(&fake, monitor, &line_of(command)).unwrap(),
                "{line}"
            );
            let again = fake.asked_in_all();
            assert!(again.ends_with(&asked), "{line}");
        }
    }
}

#[test]
fn wrong_arguments() {
    let fpipemon = "\nType fpipemon <cr> for help";
    for (line, text) in [
        ("-c xm", "ERROR: No IP address or Interface Name!"),
        ("-i 1.2.3.4", "ERROR: No Command!"),
        ("-i 1.2.3.4 -c sd -d x", "ERROR: DLCI must be an integer!"),
        (
            "-i 1.2.3.4 -c sd -d 1024",
            "ERROR: DLCI 1024 is not in 0 to 1023",
        ),
        (
            "-i 1.2.3.4 -u x -c xm",
            "ERROR: 'x' is no UDP port (1 to 65535)",
        ),
        (
            "-i 1.2.3.4 -u 0 -c xm",
            "ERROR: '0' is no UDP port (1 to 65535)",
        ),
        (
            "-i 1.2.3.4 -u 65536 -c xm",
            "ERROR: '65536' is no UDP port (1 to 65535)",
        ),
        (
            "-i 1.2.3.4 -c xm -x --json",
            "ERROR: give -x or --json, not both",
        ),
        (
            "-i 1.2.3.4 -c xm --top",
            "ERROR: give a command or --top, not both",
        ),
        ("-i 1.2.3.4 -c xm more", "ERROR: unexpected argument 'more'"),
        ("m 1.2.3.4 9000 more", "ERROR: unexpected argument 'more'"),
        (
            "-i 1.2.3.4 -c xm --timeout soon",
            "ERROR: --timeout 'soon' is no duration (such as 500ms, 5s, 1m)",
        ),
        (
            "-i 300.2.3.4 -c xm",
            "ERROR: '300.2.3.4' is neither an IPv4 address nor an interface name (1 to 15 \
             characters)",
        ),
    ] {
        let failure = attempt(FR, line).unwrap_err();
        assert_eq!(failure.exit, Exit::USAGE, "{line}");
        assert_eq!(failure.text, format!("{text}{fpipemon}"), "{line}");
    }
    for (line, text) in [
        ("-i x -c sd", "Error: Please enter a non-zero DLCI"),
        (
            "-i x -c xq",
            "ERROR: Invalid Status Command 'x', Type fpipemon <cr> for help",
        ),
        (
            "-i x -c q",
            "ERROR: Invalid Command, Type fpipemon <cr> for help",
        ),
        (
            "f q 1.2.3.4",
            "ERROR: Invalid Status Command 'f', Type fpipemon <cr> for help",
        ),
        (
            "-i x -c ti -ebcdic",
            "ERROR: only X.25 has -ascii and -ebcdic\nType fpipemon <cr> for help",
        ),
        ("-i x -c ti -x", "ERROR: traces have no XML form"),
        (
            "-i x -c ti -prot IPX",
            "ERROR: -prot 'IPX' is none of FR LAPB X25 PPP CHDLC ETH IP",
        ),
    ] {
        let failure = attempt(FR, line).unwrap_err();
        assert_eq!((failure.exit, failure.text.as_str()), (Exit::USAGE, text));
    }
    for (letters, kind) in [
        ("xq", "Status Command 'x'"),
        ("sq", "Statistics Command 's'"),
        ("cq", "Configuration Command 'c'"),
        ("tq", "Trace Command 't'"),
        ("fq", "Flush Command 'f'"),
        ("Tq", "FT1/T1/E1 Command 'T'"),
    ] {
        let failure = attempt(CHDLC, &format!("-i x -c {letters}")).unwrap_err();
        assert_eq!(
            failure.text,
            format!("ERROR: Invalid {kind}\nERROR: Type cpipemon <cr> for help")
        );
    }
    let failure = attempt(CHDLC, "-i x -c xm -d 16").unwrap_err();
    assert!(
        failure
            .text
            .starts_with("ERROR: only Frame Relay has DLCIs")
    );
    // Every name in the getopt habits of the originals.
    let options: Options = argv::read(
        "fpipemon",
        &words("-iwp1 -cti -d16 -full -pcap_file=x -u9001"),
    )
    .unwrap();
    assert_eq!(options.interface.as_deref(), Some("wp1"));
    assert_eq!(options.pcap_file.as_deref(), Some("x"));
    assert!(options.full && !options.pcap);
}

#[test]
fn help_names_every_command() {
    for monitor in Monitor::ALL {
        let mut out = Vec::new();
        let exit = session::run(monitor, &[], &mut out);
        assert_eq!(exit, Exit::DONE);
        let text = String::from_utf8(out).unwrap();
        for command in commands::all(monitor) {
            assert!(text.contains(&format!("    {:<8}", command.letters)));
            assert!(text.contains(command.about));
            assert_eq!(commands::find(monitor, command.letters), Some(*command));
        }
        let manual = match monitor {
            Monitor::FrameRelay => include_str!("man/fpipemon.mdoc"),
            Monitor::CiscoHdlc => include_str!("man/cpipemon.mdoc"),
            Monitor::Ppp => include_str!("man/ppipemon.mdoc"),
            Monitor::MultiPpp => include_str!("man/mppipemon.mdoc"),
            Monitor::X25 => include_str!("man/xpipemon.mdoc"),
        };
        for command in commands::all(monitor) {
            let named = manual.lines().any(|line| {
                line.split_once("Cm ")
                    .is_some_and(|(_, rest)| rest.split(' ').next() == Some(command.letters))
            });
            assert!(named, "{} is not in the manual", command.letters);
        }
    }
}

#[test]
fn samples_of_the_live_view() {
    for (monitor, script) in [
        (FR, cpe as Script),
        (CHDLC, cisco),
        (PPP, ppp_link),
        (X25, x25_link),
    ] {
        let fake = Fake::start(script, Fault::None);
        let text = by_name(&fake, monitor, "--top --count 2 --interval 20ms").unwrap();
        let title = format!("{} {INTERFACE}: ", monitor.name());
        assert_eq!(text.matches(&title).count(), 2, "{text}");
        assert!(text.contains("received: 0 bit/s, 0 frames/s"), "{text}");
        let text = by_name(&fake, monitor, "--top --json --count 2 --interval 20ms").unwrap();
        for line in text.lines() {
            let sample: Json = serde_json::from_str(line).unwrap();
            assert_eq!(sample["up"], true);
            assert_eq!(sample["rates"]["rx_bits_per_s"], 0);
            if monitor == FR {
                let dlcis = sample["dlcis"].as_array().unwrap();
                assert_eq!(dlcis.len(), 5);
                assert_eq!(dlcis[0]["tx_octets"], 2004);
                // A DLCI of the switch that is not configured here.
                assert_eq!(dlcis[1]["tx_octets"], Json::Null);
            } else if monitor == PPP {
                assert_eq!(sample["rx_frames"], 1014);
                assert_eq!(
                    (&sample["lcp_state"], &sample["phase"]),
                    (&9.into(), &3.into())
                );
            } else if monitor == X25 {
                let channels = sample["channels"].as_array().unwrap();
                assert_eq!(channels.len(), 2);
                assert_eq!(
                    (&channels[1]["lcn"], &channels[1]["state"]),
                    (&16.into(), &"data".into())
                );
                assert_eq!(channels[1]["tx_octets"], 3012);
                assert_eq!(sample["errors"]["tx_repeated"], 1014);
            } else {
                assert_eq!(sample["rx_frames"], 5032);
            }
        }
        assert_eq!(text.lines().count(), 2);
    }
    let fake = Fake::start(cpe, Fault::None);
    let failure = by_name(&fake, FR, "--top --interval 0s").unwrap_err();
    assert_eq!(failure.exit, Exit::USAGE);
}
