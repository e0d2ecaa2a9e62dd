use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::daemons::testing::Scratch;

const FR: &str = include_str!("../../../samples/wanpipe1.fr");
const INTERFACE: &str = include_str!("../../../samples/interface");
const CONF: &str = "etc/wanpipe/wanpipe1.conf";
const RC: &str = "etc/wanpipe/wanrouter.rc";

/// Runs a command line; its words are separated by blanks, `_` stands for one in a word.
fn wancfg(root: &Path, words: &str) -> (u8, String, String) {
    let args: Vec<String> = words
        .split_whitespace()
        .map(|word| word.replace('~', " "))
        .collect();
    let command: Command = argv::read(NAME, &args).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&command, &Root::new(Some(root)), &mut out, &mut err);
    let text = |octets: Vec<u8>| {
        let text = String::from_utf8(octets).unwrap();
        text.replace(&root.display().to_string(), "")
    };
    (exit.0, text(out), text(err))
}

fn ok(root: &Path, words: &str) -> String {
    let (code, out, err) = wancfg(root, words);
    assert_eq!(code, 0, "{words}: {err}");
    out
}

/// A router with the Frame Relay sample.
fn sample(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    let root = scratch.path();
    fs::create_dir_all(root.join("etc/wanpipe/interfaces")).unwrap();
    fs::write(root.join(CONF), FR).unwrap();
    fs::write(root.join("etc/wanpipe/interfaces/wp1_fr16"), INTERFACE).unwrap();
    scratch
}

fn read(root: &Path, file: &str) -> String {
    fs::read_to_string(root.join(file)).unwrap_or_else(|_| format!("no {file}"))
}

#[test]
fn values_are_set_and_the_rest_stays() {
    let scratch = sample("cfg-set");
    let root = scratch.path();
    fs::set_permissions(root.join(CONF), fs::Permissions::from_mode(0o640)).unwrap();
    let out = ok(
        root,
        "wanpipe1 --set TTL=64 --set wp1_fr16.CIR=64 -s wp1_fr16.ip.GATEWAY=0 \
         --set DESCRIPTION=to~the~node,~first --unset FR_ISSUE_FS",
    );
    assert_eq!(
        out,
        "/etc/wanpipe/interfaces/wp1_fr16\n/etc/wanpipe/wanpipe1.conf\n"
    );
    let wanted = FR
        .replace("TTL             = 255", "TTL             = 64")
        .replace(
            "wanpipe1 = WAN_FR, Frame Relay to the node",
            "wanpipe1 = WAN_FR, to the node, first",
        )
        .replace(
            "FR_ISSUE_FS     = YES           # full status at once\n",
            "",
        )
        .replace(
            "# the interface follows its channel\n",
            "# the interface follows its channel\nCIR             = 64\n",
        );
    assert_eq!(read(root, CONF), wanted);
    assert_eq!(read(root, &format!("{CONF}.bak")), FR);
    let mode = fs::metadata(root.join(CONF)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let file = read(root, "etc/wanpipe/interfaces/wp1_fr16");
    assert_eq!(file, INTERFACE.replace("GATEWAY=\n", "GATEWAY=0\n"));
    // What is so already is not written again.
    assert_eq!(ok(root, "wanpipe1 --set TTL=64"), "");
}

#[test]
fn wrong_values_change_nothing() {
    let scratch = sample("cfg-wrong");
    let root = scratch.path();
    for (words, code, said) in [
        (
            "--set TTL=256",
            1,
            "wancfg: TTL: '256' is out of range; allowed: 1 to 255",
        ),
        ("--set TTL", 2, "should be KEY=VALUE"),
        ("--set TTL=", 2, "--unset TTL takes it away"),
        ("--set MTTU=1500", 1, "did you mean MTU?"),
        ("--set LINE=wire:x", 1, "cable:NAME"),
        ("--set DESCRIPTION=a#b", 1, "'#'"),
        (
            "--set wp1_fr16.ADDRESS=7",
            1,
            "wanpipe1.conf:12: wp1_fr16: DLCI 7 is out of range; allowed: DLCI 16 to 991",
        ),
        ("--set wp1_fr16.MODE=ROUTE", 1, "WANPIPE, BRIDGE"),
        ("--set N392=5", 1, "N393 = 4"),
        ("--set TYPE=WAN_NONE", 1, "allowed: WAN_FR"),
        (
            "--set wp1_fr16.ip.IPADDR=1.2.3",
            1,
            "wp1_fr16.ip.IPADDR: '1.2.3' is not an IPv4 address",
        ),
        ("--unset TYPE", 1, "must have a value"),
        ("--add-interface wp1_fr16=17", 1, "already"),
        (
            "--add-interface wp1_fr17=16",
            1,
            "DLCI 16 is that of wp1_fr16",
        ),
        ("--add-interface a/b=16", 1, "not an interface name"),
        ("--add-interface wanpipe1=16", 1, "another section"),
        ("--remove-interface x", 1, "it has: wp1_fr16"),
        ("--rename-interface wp1_fr16", 2, "IF=NEW"),
        ("--new WAN_FR", 1, "is there already"),
        ("--boot maybe", 2, "neither YES nor NO"),
        ("--get X --set TTL=1", 2, "only one of --get and changes"),
        ("--set TTL=1 --json", 2, "--json goes with"),
    ] {
        let (exit, out, err) = wancfg(root, &format!("wanpipe1 {words}"));
        assert_eq!((exit, out.as_str()), (code, ""), "{words}: {err}");
        assert!(err.contains(said), "{words}: {err}");
        assert_eq!(read(root, CONF), FR, "{words}");
    }
    assert!(!root.join(format!("{CONF}.bak")).exists());
    assert_eq!(wancfg(root, "wanpipe2 --set TTL=1").0, 3);
    assert_eq!(wancfg(root, "wanpipe2 --check").0, 3);
    assert_eq!(wancfg(root, "../x --check").0, 2);
    assert_eq!(wancfg(root, "--set TTL=1").0, 2);
}

#[test]
fn devices_come_and_go() {
    let scratch = Scratch::new("cfg-new");
    let root = scratch.path();
    let (code, _, err) = wancfg(root, "wanpipe1 --new WAN_FR");
    assert_eq!(code, 1);
    assert!(err.contains("LINE: no value; allowed: cable:NAME"), "{err}");
    assert!(
        err.contains("wanpipe1.conf is not changed: it would not load"),
        "{err}"
    );
    assert!(!root.join(CONF).exists());
    let out = ok(
        root,
        "wanpipe1 --new wan_fr --set LINE=cable:demo --set STATION=NODE --boot yes \
         --add-interface wp1fr16=16 --add-interface wp1fr17=17,BRIDGE \
         --set wp1fr16.ip.IPADDR=10.0.0.1 --set wp1fr16.ip.POINTOPOINT=10.0.0.2 --set wp1fr17.CIR=64",
    );
    assert!(out.ends_with("/etc/wanpipe/wanrouter.rc\n"), "{out}");
    assert_eq!(
        read(root, CONF),
        "# wanpipe1, made by wancfg. All keys: wancfg wanpipe1 --list-keys\n\n\
         [devices]\nwanpipe1 = WAN_FR\n\n\
         [interfaces]\nwp1fr16 = wanpipe1, 16, WANPIPE\nwp1fr17 = wanpipe1, 17, BRIDGE\n\n\
         [wanpipe1]\nLINE            = cable:demo\nSTATION         = NODE\n\n\
         [wp1fr16]\n\n[wp1fr17]\nCIR = 64\n"
    );
    assert_eq!(
        read(root, "etc/wanpipe/interfaces/wp1fr16"),
        "DEVICE=wp1fr16\nONBOOT=yes\nIPADDR=10.0.0.1\nPOINTOPOINT=10.0.0.2\n"
    );
    assert_eq!(read(root, RC), "WAN_DEVICES=wanpipe1\n");
    assert_eq!(ok(root, "wanpipe1 --check"), "wanpipe1 is fine\n");

    ok(
        root,
        "wanpipe1 --rename-interface wp1fr16=hq --remove-interface wp1fr17",
    );
    let text = read(root, CONF);
    assert!(
        text.contains("hq = wanpipe1, 16") && text.ends_with("[hq]\n"),
        "{text}"
    );
    let addresses = read(root, "etc/wanpipe/interfaces/hq");
    assert!(addresses.starts_with("DEVICE=hq\n"), "{addresses}");
    assert!(!root.join("etc/wanpipe/interfaces/wp1fr16").exists());

    // Keys that the new link type does not have go.
    let (_, _, err) = wancfg(root, "wanpipe1 --set N391=7");
    assert_eq!(err, "");
    let (code, _, err) = wancfg(root, "wanpipe1 --set TYPE=WAN_CHDLC --set hq.ADDRESS=16");
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("another link type: N391"), "{err}");

    ok(root, "wanpipe1 --delete");
    assert!(!root.join(CONF).exists());
    assert!(!root.join("etc/wanpipe/interfaces/hq").exists());
    assert_eq!(read(root, RC), "WAN_DEVICES=\n");
}

#[test]
fn several_devices_of_a_file() {
    let scratch = Scratch::new("cfg-two");
    let root = scratch.path();
    fs::create_dir_all(root.join("etc/wanpipe")).unwrap();
    let text = "[devices]\nwanpipe1 = WAN_CHDLC\nwanpipe2 = WAN_CHDLC\n[interfaces]\n\
                a = wanpipe1, , WANPIPE\nb = wanpipe2, , WANPIPE\n[wanpipe1]\nLINE=cable:x\n\
                [wanpipe2]\nLINE=cable:y\n[a]\n[b]\n";
    fs::write(root.join(CONF), text).unwrap();
    assert!(
        wancfg(root, "wanpipe1 --set b.SLARP_TIMER=0")
            .2
            .contains("no interface 'b'")
    );
    ok(root, "wanpipe1 --delete");
    assert_eq!(
        read(root, CONF),
        "[devices]\nwanpipe2 = WAN_CHDLC\n[interfaces]\nb = wanpipe2, , WANPIPE\n[wanpipe2]\nLINE=cable:y\n[b]\n"
    );
    let (code, _, err) = wancfg(root, "wanpipe1 --check");
    assert_eq!(code, 3, "{err}");
}

#[test]
fn values_are_told() {
    let scratch = sample("cfg-get");
    let root = scratch.path();
    assert_eq!(
        ok(root, "wanpipe1 --get TTL -g mtu --get T392"),
        "255\n1500\n16\n"
    );
    assert_eq!(ok(root, "wanpipe1 --get wp1_fr16.ADDRESS"), "16\n");
    let json = ok(root, "wanpipe1 --json --get wp1_fr16.CIR --get T391");
    assert_eq!(
        json,
        "[{\"key\":\"wp1_fr16.CIR\",\"value\":null,\"given\":false,\"line\":null},\
         {\"key\":\"T391\",\"value\":\"10\",\"given\":true,\"line\":28}]\n"
    );
    let (code, _, err) = wancfg(root, "wanpipe1 --get wp1_fr16.CIR");
    assert_eq!(
        (code, err.as_str()),
        (3, "wancfg: wp1_fr16.CIR: not given, and no default\n")
    );
    assert_eq!(wancfg(root, "wanpipe1 --get NONE").0, 3);

    let keys = ok(root, "wanpipe1 --list-keys");
    assert!(keys.contains("T391") && keys.contains("IF.CIR") && !keys.contains("SLARP_TIMER"));
    let keys = ok(root, "--list-keys");
    assert!(keys.contains("WAN_CHDLC: ask for the address"), "{keys}");
    let keys: serde_json::Value =
        serde_json::from_str(&ok(root, "wanpipe1 --list-keys --json")).unwrap();
    let mtu = keys
        .as_array()
        .unwrap()
        .iter()
        .find(|k| k["key"] == "MTU")
        .unwrap();
    assert_eq!(
        (&mtu["default"], &mtu["allowed"]),
        (&"1500".into(), &"128 to 4098".into())
    );

    let list = ok(root, "--list");
    assert!(
        list.contains("wanpipe1  WAN_FR     cable:demo  wp1_fr16"),
        "{list}"
    );
    let list: serde_json::Value = serde_json::from_str(&ok(root, "--list --json")).unwrap();
    assert_eq!(
        (&list[0]["running"], &list[0]["valid"]),
        (&false.into(), &true.into())
    );
    fs::write(root.join(CONF), FR.replace("MTU ", "MTTU ")).unwrap();
    let (code, out, _) = wancfg(root, "--check --json");
    assert_eq!(code, 1);
    let checked: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(checked[0]["valid"], false);
    assert_eq!(checked[0]["findings"][0]["line"], 22);
    // A file with a mistake can be mended.
    fs::write(root.join(CONF), FR.replace("= 255", "= 256")).unwrap();
    ok(root, "wanpipe1 --set TTL=64");
}
