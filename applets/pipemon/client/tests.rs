//! Refusals, errors, silence, and messages that are not the answer.

use std::time::{Duration, Instant};

use wanbox_grammar::Exit;
use wanbox_wire::pipemon::opcode::{chdlc, fr};
use wanbox_wire::pipemon::{Message, code};

use crate::fake::{Fake, Fault, Script};
use crate::scripts::{CHDLC, FR, attempt, by_name, by_udp, cisco, cpe};

#[test]
fn refusals_and_failures() {
    // The far end allows the probe only.
    let fake = Fake::start(
        |request| match request.opcode() {
            fr::READ_CONFIG | fr::READ_CODE_VERSION => cpe(request),
            _ => Some((code::NOT_FROM_NETWORK, Vec::new())),
        },
        Fault::None,
    );
    let failure = by_udp(&fake, FR, "-c ds").unwrap_err();
    assert_eq!(failure.exit, Exit::FAILED);
    assert!(failure.text.contains("not allowed from the far end"));
    let failure = by_udp(&fake, FR, "-c ti").unwrap_err();
    assert_eq!(failure.text, "Cannot Enable Line Tracing from Underneath.");

    fn with<const CODE: u8>(request: &Message<'_>) -> Option<(u8, Vec<u8>)> {
        match request.opcode() {
            fr::READ_CONFIG | fr::READ_CODE_VERSION => cpe(request),
            _ => Some((CODE, Vec::new())),
        }
    }
    for (script, line, text) in [
        (
            with::<0x04> as Script,
            "sd -d 20",
            "An invalid DLCI was selected",
        ),
        (
            with::<0x10>,
            "xl",
            "A modem failure occurred - DCD and/or CTS were found to be unexpectedly low",
        ),
        (
            with::<0x11>,
            "xl",
            "The Channel moved from Operative to being Inoperative",
        ),
        (
            with::<0x12>,
            "xl",
            "The Channel moved from Inoperative to being Operative",
        ),
        (with::<0x1F>, "xl", "The frame relay command is invalid"),
        (with::<0x06>, "fg", "Global Statistics not flushed"),
        (with::<0x06>, "fi -d 16", "DLCI Statistics are not flushed"),
        (with::<0x77>, "xl", "READ_STATUS: return code 0x77"),
        (with::<0xAA>, "xl", "Command timeout occurred"),
        // Done, but without the data.
        (
            with::<0x00>,
            "xl",
            "malformed answer: Frame Relay link status",
        ),
        (with::<0x00>, "sg", "malformed answer"),
        (with::<0x00>, "sd -d 16", "malformed answer"),
        (with::<0x00>, "xm", "malformed answer"),
    ] {
        let fake = Fake::start(script, Fault::None);
        let failure = by_udp(&fake, FR, &format!("-c {line}")).unwrap_err();
        assert_eq!(failure.exit, Exit::FAILED);
        assert!(
            failure.text.starts_with(&format!("Error: {text}")),
            "{line}: {}",
            failure.text
        );
    }
    for (script, text) in [
        (
            with::<0x1F> as Script,
            "Line Tracing is possible only with S508 board.",
        ),
        (
            with::<0x33>,
            "Failed to Enable Line Tracing. Return code: 0x33",
        ),
    ] {
        let fake = Fake::start(script, Fault::None);
        assert_eq!(by_udp(&fake, FR, "-c tr").unwrap_err().text, text);
    }
    let fake = Fake::start(
        |request| match request.opcode() {
            chdlc::READ_CONFIG | chdlc::READ_CODE_VERSION => cisco(request),
            _ => Some((code::CHDLC_WRONG_STATE, Vec::new())),
        },
        Fault::None,
    );
    let failure = by_udp(&fake, CHDLC, "-c so").unwrap_err();
    assert_eq!(failure.text, "Error: Command failed!");
}

#[test]
fn nobody_answers() {
    const UNABLE: &str = "Error: Unable to obtain network interface information.\n\
                          Make sure the IP and UDP port are correct.";
    let silent = Fake::start(|_| None, Fault::None);
    let start = Instant::now();
    let failure = by_udp(&silent, FR, "-c xm").unwrap_err();
    let time = start.elapsed();
    // Four times 50 ms.
    assert!(time >= Duration::from_millis(200) && time < Duration::from_secs(5));
    assert_eq!(failure.exit, Exit::ABSENT);
    assert_eq!(
        failure.text,
        format!("Error: No Data received from the connected socket.\n{UNABLE}")
    );
    assert_eq!(silent.asked_in_all().len(), 4);
    // The same request each time.
    assert!(silent.asked_in_all().windows(2).all(|w| w[0] == w[1]));

    // Nobody at that port.
    let port = {
        let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let failure = attempt(FR, &format!("-i 127.0.0.1 -u {port} -c xm --timeout 1s")).unwrap_err();
    assert_eq!(failure.exit, Exit::ABSENT);
    assert!(failure.text.ends_with(UNABLE), "{}", failure.text);

    let failure = attempt(FR, &format!("-i wp9 --root {} -c xm", silent.root())).unwrap_err();
    assert_eq!(failure.exit, Exit::ABSENT);
    assert_eq!(
        failure.text,
        "Error: wp9: no such interface or its link daemon is not running"
    );

    // Firmware that does not run is asked once, one that answers an error three times.
    let dead = Fake::start(|_| Some((code::NOT_RUNNING, Vec::new())), Fault::None);
    let failure = by_udp(&dead, FR, "-c xm").unwrap_err();
    assert_eq!(failure.exit, Exit::ABSENT);
    assert_eq!(dead.asked_in_all().len(), 1);
    let sick = Fake::start(|_| Some((code::FAILED, Vec::new())), Fault::None);
    let failure = by_udp(&sick, CHDLC, "-c xm").unwrap_err();
    assert!(failure.text.ends_with(UNABLE));
    assert_eq!(sick.asked_in_all().len(), 3);
    // Another link protocol than the monitor's.
    let other = Fake::start(cpe, Fault::OtherProtocol);
    let failure = by_udp(&other, FR, "-c xm").unwrap_err();
    assert_eq!(failure.exit, Exit::ABSENT);
}

#[test]
fn lost_late_and_foreign_messages() {
    let lossy = Fake::start(cpe, Fault::Lose(3));
    assert!(by_udp(&lossy, FR, "-c xm").unwrap().contains("DCD: HIGH"));
    let noisy = Fake::start(cpe, Fault::Noise);
    let good = Fake::start(cpe, Fault::None);
    for line in ["-c sg", "-c sd -d 16", "-c clr"] {
        let wanted = by_udp(&good, FR, line).unwrap();
        assert_eq!(by_udp(&noisy, FR, line).unwrap(), wanted);
        assert!(by_name(&noisy, FR, line).is_ok());
    }
}
