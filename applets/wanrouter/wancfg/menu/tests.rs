use std::fs;
use std::path::Path;

use wanbox_console::dialog::Lines;
use wanbox_runtime::files::Root;

use super::*;
use crate::daemons::testing::Scratch;

const FR: &str = include_str!("../../../../samples/wanpipe1.fr");
const CONF: &str = "etc/wanpipe/wanpipe1.conf";

/// What the menus say to these lines.
fn talk(root: &Path, device: Option<&str>, input: &str) -> String {
    let mut site = Site::load_or_default(&Root::new(Some(root))).unwrap();
    let mut output = Vec::new();
    let mut lines = Lines::new(input.as_bytes(), &mut output);
    // The input may end before the user leaves.
    let _ = Menus::new(&mut site, &mut lines).run(device);
    String::from_utf8(output)
        .unwrap()
        .replace(&root.display().to_string(), "")
}

fn read(root: &Path, file: &str) -> String {
    fs::read_to_string(root.join(file)).unwrap_or_else(|_| format!("no {file}"))
}

fn sample(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    fs::create_dir_all(scratch.path().join("etc/wanpipe/interfaces")).unwrap();
    fs::write(scratch.path().join(CONF), FR).unwrap();
    fs::write(
        scratch.path().join("etc/wanpipe/interfaces/wp1_fr16"),
        "IPADDR=10.0.0.1\n",
    )
    .unwrap();
    scratch
}

/// The number of an entry in the last list that was printed.
fn number(text: &str, label: &str) -> usize {
    let line = text.lines().rfind(|line| {
        line.split_once(") ")
            .is_some_and(|(_, l)| l.split(':').next() == Some(label))
    });
    let line = line.unwrap_or_else(|| panic!("no {label} in\n{text}"));
    line.trim().split(')').next().unwrap().parse().unwrap()
}

#[test]
fn a_device_from_nothing() {
    let scratch = Scratch::new("menu-new");
    let root = scratch.path();
    let answers = [
        "1",          // New device
        "eth0",       // not a device
        "",           // wanpipe1
        "1",          // Frame Relay
        "",           // LINE cannot be empty
        "cable:demo", //
        "2",          // NODE
        "1",          // ANSI
        "auto",       // a node cannot
        "",           // DLCI 16
        "",           // wp1fr16
        "1",          // WANPIPE
        "10.0.0",     // no address
        "10.0.0.1",   //
        "10.0.0.2",   //
        "",           // the default mask
        "2",          // default route
        "1",          // starts with the router
        "s",          // save
        "b",          //
        "b",          //
    ];
    let text = talk(root, None, &(answers.join("\n") + "\n"));
    for said in [
        "'eth0' is not wanpipe and a number",
        "no value; allowed: cable:NAME",
        "a node cannot take its DLCI from the other side; allowed: DLCI 16 to 991",
        "'10.0.0' is not an IPv4 address; allowed: A.B.C.D",
        "Written\n/etc/wanpipe/interfaces/wp1fr16\n/etc/wanpipe/wanpipe1.conf\n/etc/wanpipe/wanrouter.rc\n",
        "This starts it: wanrouter start wanpipe1",
        "wanpipe1: stopped  Frame Relay  starts with the router",
    ] {
        assert!(text.contains(said), "no {said:?} in\n{text}");
    }
    assert_eq!(
        read(root, CONF),
        "# wanpipe1, made by wancfg. All keys: wancfg wanpipe1 --list-keys\n\n\
         [devices]\nwanpipe1 = WAN_FR\n\n\
         [interfaces]\nwp1fr16 = wanpipe1, 16, WANPIPE\n\n\
         [wanpipe1]\nLINE            = cable:demo\nSTATION         = NODE\n\
         SIGNALLING      = ANSI\n\n[wp1fr16]\n"
    );
    assert_eq!(
        read(root, "etc/wanpipe/interfaces/wp1fr16"),
        "DEVICE=wp1fr16\nONBOOT=yes\nIPADDR=10.0.0.1\nPOINTOPOINT=10.0.0.2\n\
         NETMASK=255.255.255.255\nGATEWAY=0\n"
    );
    assert_eq!(
        read(root, "etc/wanpipe/wanrouter.rc"),
        "WAN_DEVICES=wanpipe1\n"
    );
}

#[test]
fn values_are_changed_and_dropped() {
    let scratch = sample("menu-edit");
    let root = scratch.path();
    let page = talk(root, Some("wanpipe1"), "b\n");
    let (mtu, ttl) = (number(&page, "MTU"), number(&page, "TTL"));
    let fs = number(&page, "FR_ISSUE_FS");
    // Dropped.
    let text = talk(root, Some("wanpipe1"), &format!("{ttl}\n64\nb\n2\n"));
    assert!(text.contains("(not written)"), "{text}");
    assert_eq!(read(root, CONF), FR);
    // The input ends: nothing is written.
    talk(root, Some("wanpipe1"), &format!("{ttl}\n64\n"));
    assert_eq!(read(root, CONF), FR);
    // Written when leaving; a wrong value is asked for again.
    let input = format!("{ttl}\n999\n64\n{fs}\nd{mtu}\nb\n1\n");
    let text = talk(root, Some("wanpipe1"), &input);
    assert!(
        text.contains("'999' is out of range; allowed: 1 to 255"),
        "{text}"
    );
    let wanted = FR
        .replace("TTL             = 255", "TTL             = 64")
        .replace("= YES           # full", "= NO            # full")
        .replace("MTU             = 1500\n", "");
    assert_eq!(read(root, CONF), wanted);
    // Help, errors, keys without effect.
    let text = talk(root, Some("wanpipe1"), &format!("?{ttl}\ne\na\nb\n"));
    assert!(text.contains("Allowed: 1 to 255\nDefault: 255"), "{text}");
    assert!(text.contains("Nothing is wrong or odd."), "{text}");
    assert!(text.contains("S514CPU"), "{text}");
}

#[test]
fn what_would_not_load_is_not_written() {
    let scratch = sample("menu-wrong");
    let root = scratch.path();
    let wrong = FR.replace("N391            = 6", "N391            = 0");
    fs::write(root.join(CONF), &wrong).unwrap();
    let page = talk(root, Some("wanpipe1"), "b\n");
    assert!(page.contains("(1 error)"), "{page}");
    let ttl = number(&page, "TTL");
    let text = talk(root, Some("wanpipe1"), &format!("{ttl}\n64\ns\nb\n2\n"));
    assert!(text.contains("Not written: it would not load"), "{text}");
    assert!(
        text.contains("N391: '0' is out of range; allowed: 1 to 255"),
        "{text}"
    );
    assert_eq!(read(root, CONF), wrong);
    // Somebody else was faster.
    fs::write(root.join(CONF), FR).unwrap();
    let mut site = Site::load_or_default(&Root::new(Some(root))).unwrap();
    let mut draft = Draft::open(&site, "wanpipe1").unwrap();
    draft
        .set(&crate::wancfg::place::Place::Link("TTL".into()), "1")
        .unwrap();
    fs::write(root.join(CONF), FR.replace("1500", "1400")).unwrap();
    let mut output = Vec::new();
    let mut lines = Lines::new(&b""[..], &mut output);
    assert!(!Menus::new(&mut site, &mut lines).save(&mut draft).unwrap());
    let text = String::from_utf8(output).unwrap();
    assert!(
        text.contains("was changed meanwhile by somebody else"),
        "{text}"
    );
}

#[test]
fn interfaces_and_devices_come_and_go() {
    let scratch = sample("menu-if");
    let root = scratch.path();
    let page = talk(root, Some("wanpipe1"), "b\n");
    let (one, add) = (number(&page, "wp1_fr16"), number(&page, "Add an interface"));
    let page = talk(root, Some("wanpipe1"), &format!("{one}\nb\nb\n"));
    assert!(page.contains("IPADDR: 10.0.0.1\n"), "{page}");
    let interface = page.split("wp1_fr16 of wanpipe1").nth(1).unwrap();
    let interface = interface.split("NUMBER opens").next().unwrap();
    let (name, cir) = (number(interface, "NAME"), number(interface, "CIR"));
    let input = format!(
        "{one}\n{name}\nhq\n{cir}\n0\n64\nb\n{add}\n16\n17\n\n2\nb\nx{}\ns\nb\n",
        one + 1
    );
    let text = talk(root, Some("wanpipe1"), &input);
    assert!(text.contains("'0' is out of range"), "{text}");
    assert!(
        text.contains("DLCI 16 is that of hq; allowed: each DLCI once"),
        "{text}"
    );
    assert!(text.contains("2) "), "{text}");
    let conf = read(root, CONF);
    assert!(
        conf.contains("\nhq = wanpipe1, 16, WANPIPE") && !conf.contains("fr17"),
        "{conf}"
    );
    assert!(
        conf.contains("[hq]") && conf.contains("CIR             = 64"),
        "{conf}"
    );
    assert_eq!(read(root, "etc/wanpipe/interfaces/hq"), "IPADDR=10.0.0.1\n");
    // Another protocol takes its keys along.
    let text = talk(root, Some("wanpipe1"), "1\n2\nb\n2\n");
    assert!(
        text.contains("WAN_CHDLC does not have: STATION") || text.contains("does not have:"),
        "{text}"
    );
    // Deleted after asking.
    talk(root, None, "d1\n1\nb\n");
    assert!(root.join(CONF).exists());
    talk(root, None, "w1\nd1\n2\nb\n");
    assert!(!root.join(CONF).exists());
    assert_eq!(read(root, "etc/wanpipe/wanrouter.rc"), "WAN_DEVICES=\n");
}
