use super::*;
use proptest::prelude::*;

const GOOD: &str = "\
# The HOWTO's two modems.
[one]
command = /usr/sbin/pppd file /etc/ppp/eql-options lock connect \"/etc/ppp/dialout/Zoom-V.34.xp 555-1212 P pw cua1\" 199.199.199.1: /dev/cua1 38400
device = cua1
master = eql
rate = 28800
redial = 5
redial_max = 2m
max_failures = 6
hold = 1h
min_up = 0
output = /dev/tty8

[two]
COMMAND = wanrouter start wanpipe2
STOP = wanrouter stop wanpipe2
INTERFACE = wp2ppp
MASTER = eql
RATE = auto
STICKY = YES
SCHEDULE = mon-fri 08:00-18:00, sat 09:00-12:00
DIAL_TIMEOUT = 30
STOP_TIMEOUT = 5s
";

#[test]
fn a_file_is_read() {
    let (lines, diagnostics) = parse("eql_dial.conf", GOOD);
    assert_eq!(diagnostics.to_string(), "");
    let [one, two] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(one.how.command[..3], ["/usr/sbin/pppd", "nodetach", "file"]);
    assert_eq!(
        one.how.command[6],
        "/etc/ppp/dialout/Zoom-V.34.xp 555-1212 P pw cua1"
    );
    assert_eq!(one.how.device.as_deref(), Some(Path::new("/dev/cua1")));
    assert_eq!((one.how.lock, &one.how.interface), (Lock::Hold, &None));
    let slave = one.slave.as_ref().unwrap();
    assert_eq!(
        (slave.master.as_str(), slave.rate),
        ("eql", Some(Rate::Fixed(28_800)))
    );
    assert_eq!(one.keep, Keep::Always);
    assert_eq!(one.timers.redial_max, Duration::from_secs(120));
    assert_eq!(
        (one.timers.max_failures, one.timers.hold),
        (6, Duration::from_secs(3600))
    );
    assert!(one.timers.enslave && !one.timers.sticky);
    assert_eq!(two.slave.as_ref().unwrap().rate, Some(Rate::Auto));
    assert!(two.timers.sticky);
    let Keep::Schedule(schedule) = &two.keep else {
        panic!("{:?}", two.keep);
    };
    assert_eq!(schedule.to_string(), "mon-fri 08:00-18:00, sat 09:00-12:00");
}

#[test]
fn every_mistake_says_where_and_what_would_be_right() {
    for (text, finding) in [
        ("", "f: no line is named; allowed: [NAME]"),
        (
            "[a b]\nCOMMAND = x\n",
            "f:1: a b: is no name of a line; allowed: 1 to 32",
        ),
        ("[../a]\nCOMMAND = x\n", "f:1: ../a: is no name"),
        ("[a]\n", "f:1: a: no COMMAND; allowed: COMMAND ="),
        (
            "[a]\nCOMAND = x\n",
            "f:2: COMAND: unknown key; allowed: COMMAND, STOP",
        ),
        (
            "[a]\nCOMMAND =\n",
            "f:2: COMMAND: has no value; allowed: COMMAND = VALUE",
        ),
        ("[a]\nCOMMAND\n", "f:2: COMMAND: has no value"),
        (
            "[a]\nCOMMAND = 'x\n",
            "f:2: COMMAND: the quote ' is not closed",
        ),
        ("[a]\nCOMMAND = ''\n", "f:2: COMMAND: names no program"),
        (
            "[a]\nCOMMAND = x\nCOMMAND = y\n",
            "f:3: COMMAND: is given twice",
        ),
        (
            "[a]\nCOMMAND = x\n[a]\nCOMMAND = y\n",
            "f:3: a: a line of this name",
        ),
        ("[a]\nRATE = 0\n", "f:2: RATE: 0 bit/s is no rate"),
        (
            "[a]\nRATE = -28800\n",
            "f:2: RATE: '-28800' is no rate of a line",
        ),
        (
            "[a]\nRATE = 999999999999999\n",
            "f:2: RATE: 999999999999999 bit/s is no rate",
        ),
        (
            "[a]\nRATE = fast\n",
            "f:2: RATE: 'fast' is no rate of a line",
        ),
        (
            "[a]\nMASTER = a234567890123456\n",
            "f:2: MASTER: 'a234567890123456' is not an interface",
        ),
        ("[a]\nINTERFACE = a/b\n", "f:2: INTERFACE: 'a/b'"),
        (
            "[a]\nDEVICE = ../mem\n",
            "f:2: DEVICE: '../mem' is no device",
        ),
        (
            "[a]\nLOCK = maybe\n",
            "f:2: LOCK: 'maybe' is none of them; allowed: hold, check, none",
        ),
        (
            "[a]\nLOCK_DIR = var\n",
            "f:2: LOCK_DIR: 'var' is not absolute",
        ),
        (
            "[a]\nKEEP = often\n",
            "f:2: KEEP: 'often' is none of them; allowed: always",
        ),
        (
            "[a]\nSCHEDULE = noday 1:00-2:00\n",
            "f:2: SCHEDULE: 'noday' is not a day",
        ),
        (
            "[a]\nNEXT_HOP = router\n",
            "f:2: NEXT_HOP: 'router' is no address",
        ),
        ("[a]\nREDIAL = 0\n", "f:2: REDIAL: 0 would never be over"),
        ("[a]\nMIN_UP = 30d\n", "f:2: MIN_UP: '30d' is too long"),
        (
            "[a]\nMAX_FAILURES = 1001\n",
            "f:2: MAX_FAILURES: '1001' is no count",
        ),
        (
            "[a]\nSTICKY = perhaps\n",
            "f:2: STICKY: 'perhaps' is neither",
        ),
        (
            "[a]\nCOMMAND = x\nHOLD = 5\n",
            "f:1: a: HOLD without MAX_FAILURES",
        ),
        (
            "[a]\nCOMMAND = x\nLOCK = hold\n",
            "f:1: a: LOCK or LOCK_DIR without DEVICE",
        ),
        (
            "[a]\nCOMMAND = x\nREDIAL = 20\nREDIAL_MAX = 10\n",
            "f:1: a: REDIAL_MAX is shorter",
        ),
        (
            "[a]\nCOMMAND = x\nKEEP = schedule\n",
            "f:1: a: KEEP = schedule without SCHEDULE",
        ),
        (
            "[a]\nCOMMAND = x\nKEEP = manual\nSCHEDULE = mon\n",
            "f:1: a: SCHEDULE with another",
        ),
        (
            "[a]\nCOMMAND = x\nRATE = 9600\n",
            "f:1: a: RATE, STICKY or NEXT_HOP without MASTER",
        ),
        (
            "[a]\nCOMMAND = x\nINTERFACE = eql\nMASTER = eql\nRATE = 9600\n",
            "f:1: a: would be its own MASTER",
        ),
        (
            "[a]\nCOMMAND = x\nINTERFACE = ppp0\nMASTER = eql\n",
            "f:1: a: MASTER without RATE",
        ),
        (
            "[a]\nCOMMAND = pppd\nDEVICE = cua1\n[b]\nCOMMAND = pppd\nDEVICE = /dev/cua1\n",
            "f:4: b: has the same DEVICE as a",
        ),
        (
            "[a]\nCOMMAND = x\nINTERFACE = i\n[b]\nCOMMAND = x\nINTERFACE = i\n",
            "f:4: b: has the same INTERFACE as a",
        ),
        (
            "[a]\nCOMMAND = x\nINTERFACE = i\nMASTER = j\nRATE = 9600\n\
             [b]\nCOMMAND = x\nINTERFACE = j\nMASTER = i\nRATE = 9600\n",
            "f:1: a: its MASTER j is itself a slave, of b",
        ),
    ] {
        let (_, diagnostics) = parse("f", text);
        assert!(diagnostics.has_errors(), "{text}");
        let all = diagnostics.to_string();
        assert!(
            all.lines().any(|line| line.starts_with(finding)),
            "{text}: {all}"
        );
    }
    let (lines, diagnostics) = parse("f", "[a]\nCOMMAND = dial\n");
    assert_eq!(lines.len(), 1);
    assert!(
        diagnostics
            .to_string()
            .contains("f:1: warning: a: has no INTERFACE")
    );
    let many: String = (0..65)
        .map(|n| format!("[l{n}]\nCOMMAND = pppd\n"))
        .collect();
    assert!(
        parse("f", &many)
            .1
            .to_string()
            .contains("65 lines; allowed: at most 64")
    );
}

/// Section 3.2.2.1 of the EQL HOWTO.
const RUNSLIP: &str = "\
name\t    sl-line-1
enabled
baud\t    38400
mtu\t     576
ducmd\t   -e /etc/slip/dialout/cua2-288.xp -t 0
command\t eql_enslave eql $interface 28800
address\t 198.67.33.239
line\t    /dev/cua2

name\t    sl-line-2
baud\t    38400
mtu\t     576
ducmd\t   -e /etc/slip/dialout/cua3-288.xp 555 -t 90
command\t /etc/slip/up $interface
address\t 198.67.33.239
line\t    /dev/cua3
";

#[test]
fn the_file_of_dslip() {
    let (lines, diagnostics) = parse("runslip.conf", RUNSLIP);
    assert_eq!(diagnostics.to_string(), "");
    let [one, two] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(
        one.how.command.join(" "),
        "eql_dial attach --speed 38400 --mtu 576 --address 198.67.33.239 /dev/cua2 -- \
         /etc/slip/dialout/cua2-288.xp"
    );
    let slave = Slave {
        master: "eql".into(),
        rate: Some(Rate::Fixed(28_800)),
        sticky: false,
        next_hop: None,
    };
    assert_eq!((one.name.as_str(), &one.slave), ("sl-line-1", &Some(slave)));
    assert_eq!((&one.keep, &two.keep), (&Keep::Always, &Keep::Manual));
    assert!(one.how.on_up.is_empty() && two.slave.is_none());
    assert_eq!(two.how.on_up, ["/etc/slip/up", "$interface"]);
    assert!(
        two.how
            .command
            .ends_with(&["/etc/slip/dialout/cua3-288.xp".into(), "555".into()])
    );
    assert_eq!(two.timers.dial_timeout, Duration::from_secs(105));
    assert_eq!(one.timers.dial_timeout, Duration::from_secs(600));
}

#[test]
fn mistakes_in_the_file_of_dslip() {
    let good = "name a\nbaud 9600\nline cua1\n";
    assert_eq!(parse("f", good).1.to_string(), "");
    for (text, finding) in [
        (
            "name a\nspeed 5\n",
            "f:2: speed: unknown keyword; allowed: name, enabled",
        ),
        ("name a/b\n", "f:1: name: is no name of a line"),
        ("name\n", "f:1: name: has no value"),
        ("name a\nenabled yes\n", "f:2: enabled: takes no value"),
        (
            "name a\nbaud 38k\n",
            "f:2: baud: '38k' is out of range; allowed: 50 to",
        ),
        ("name a\nbaud 0\n", "f:2: baud: '0' is out of range"),
        (
            "name a\nmtu 20\n",
            "f:2: mtu: '20' is out of range; allowed: 68 to 65534",
        ),
        (
            "name a\naddress 1.2.3\n",
            "f:2: address: '1.2.3' is not an IPv4",
        ),
        ("name a\nducmd -x\n", "f:2: ducmd: '-x' is not understood"),
        (
            "name a\nducmd -e dial.xp\n",
            "f:2: ducmd: the script 'dial.xp' is not absolute",
        ),
        ("name a\nducmd -t\n", "f:2: ducmd: '' is out of range"),
        ("name a\nbaud 9600\n", "f:1: a stanza without line"),
        ("name a\nline cua1\n", "f:1: a stanza without baud"),
        ("baud 9600\nline cua1\n", "f:1: a stanza without name"),
        ("name a\nname b\n", "f:2: name: is given twice"),
        (
            "name a\nbaud 9600\nline cua1\ncommand eql_enslave eql $interface 0\n",
            "f:1: 0 bit/s is no rate",
        ),
        (
            "name a\nbaud 9600\nline cua1\n\nname a\nbaud 9600\nline cua2\n",
            "f:5: a: a line of this",
        ),
        (
            "name a\nbaud 9600\nline cua1\n\nname b\nbaud 9600\nline cua1\n",
            "f:5: b: has the same DEVICE",
        ),
    ] {
        let all = parse("f", text).1.to_string();
        assert!(
            all.lines().any(|line| line.starts_with(finding)),
            "{text}: {all}"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_read(
        lines in prop::collection::vec(
            prop_oneof![
                "\\[[a-z]{0,3}\\]",
                "(COMMAND|RATE|MASTER|DEVICE|SCHEDULE|REDIAL|INTERFACE|KEEP) = ?[a-z0-9:' -]{0,12}",
                "(name|baud|mtu|line|ducmd|command|enabled) ?[a-z0-9/$ -]{0,12}",
                "\\PC{0,20}",
                Just(String::new()),
            ],
            0..12,
        ),
    ) {
        fuzz_dial(lines.join("\n").as_bytes());
    }
}
