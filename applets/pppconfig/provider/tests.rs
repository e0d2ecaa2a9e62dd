use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A directory of a test's own, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wb-pppconfig-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn made(root: &Root, method: &str, password: &str) -> Provider {
    let mut provider = Provider::new("isp");
    for (key, value) in [("NUMBER", "0,555"), ("USER", "joe d"), ("METHOD", method)] {
        provider.set(key, value).unwrap();
    }
    provider.password = Some(password.to_owned());
    provider.save(root).unwrap();
    Provider::load(root, "isp").unwrap().unwrap()
}

#[test]
fn files_of_a_provider() {
    let scratch = Scratch::new();
    let root = Root::new(Some(scratch.path()));
    let read = |file: &str| fs::read_to_string(scratch.path().join(file)).unwrap();
    let mode = |file: &str| {
        let metadata = fs::metadata(scratch.path().join(file)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    let mut provider = made(&root, "pap", "se \"cr\\et'#");
    assert_eq!(
        read("etc/ppp/peers/isp"),
        "# Made by pppconfig: pppd call isp\nhide-password\nnoauth\n\
         connect \"/usr/sbin/chat -v -f /etc/chatscripts/isp\"\n/dev/ttyS1\n38400\n\
         user \"joe d\"\nremotename isp\nipparam isp\nnoipdefault\ndebug\ndefaultroute\nusepeerdns\n"
    );
    let script = read("etc/chatscripts/isp");
    assert!(
        script.contains("ABORT BUSY ABORT NO\\040CARRIER"),
        "{script}"
    );
    assert!(
        script.contains("OK-AT-OK ATDT0,555\n# ispconnect\nCONNECT \\d\\c\n"),
        "{script}"
    );
    assert!(!script.contains("cr"), "{script}");
    assert_eq!(
        read("etc/ppp/pap-secrets"),
        "\"joe d\" isp \"se \\\"cr\\\\et'#\"\n"
    );
    assert_eq!(mode("etc/ppp/pap-secrets"), 0o600);
    assert_eq!(
        (mode("etc/ppp/peers/isp"), mode("etc/chatscripts/isp")),
        (0o640, 0o640)
    );
    assert_eq!(list(&root), ["isp"]);
    assert!(provider.save(&root).unwrap().is_empty(), "nothing is new");

    // A login in the script: the password moves there, and chat does not log it.
    provider.set("METHOD", "CHAT").unwrap();
    provider.set("DNS", "192.0.2.1 2001:db8::1").unwrap();
    provider.set("PORT", "ttyWP0").unwrap();
    provider.set("IDLE", "300").unwrap();
    provider.set("DEFAULTROUTE", "no").unwrap();
    provider.save(&root).unwrap();
    assert_eq!(read("etc/ppp/pap-secrets"), "");
    let script = read("etc/chatscripts/isp");
    assert!(
        script.contains("# ispname\nogin: joe\\040d\n# isppassword\nssword: \\qse\\040\\042cr\\134et\\047\\043\n"),
        "{script}"
    );
    assert_eq!(
        read("etc/ppp/resolv/isp"),
        "nameserver 192.0.2.1\nnameserver 2001:db8::1\n"
    );
    let again = Provider::load(&root, "isp").unwrap().unwrap();
    for (key, value) in [
        ("METHOD", "CHAT"),
        ("DNS", "192.0.2.1 2001:db8::1"),
        ("PORT", "/dev/ttyWP0"),
        ("IDLE", "300"),
        ("DEFAULTROUTE", "NO"),
        ("NUMBER", "0,555"),
        ("USER", "joe d"),
        ("LOGINPROMPT", "ogin:"),
        ("REMOTENAME", "isp"),
    ] {
        assert_eq!(again.get(key), value, "{key}");
    }
    assert!(
        again.save(&root).unwrap().is_empty(),
        "the password is known still"
    );
    again.delete(&root).unwrap();
    assert!(list(&root).is_empty() && !scratch.path().join("etc/ppp/resolv/isp").exists());
}

#[test]
fn what_others_wrote_stays() {
    let scratch = Scratch::new();
    let root = Root::new(Some(scratch.path()));
    let place = |file: &str| scratch.path().join(file);
    fs::create_dir_all(place("etc/ppp/peers")).unwrap();
    let secrets = "# Secrets.\n\"joe d\" other x\njoe * \"y\nann isp z # hers";
    fs::write(place("etc/ppp/chap-secrets"), secrets).unwrap();
    let mut provider = made(&root, "CHAP", "one");
    let read = |file: &str| fs::read_to_string(place(file)).unwrap();
    assert_eq!(
        read("etc/ppp/chap-secrets"),
        format!("{secrets}\n\"joe d\" isp one\n")
    );
    provider.password = Some("two".to_owned());
    provider.set("REMOTENAME", "x y").unwrap();
    provider.save(&root).unwrap();
    assert_eq!(
        read("etc/ppp/chap-secrets"),
        format!("{secrets}\n\"joe d\" \"x y\" two\n")
    );
    // Options that are not made here are kept.
    let text = read("etc/ppp/peers/isp") + "mtu 1400\nlock # ours\n";
    fs::write(place("etc/ppp/peers/isp"), text).unwrap();
    let mut provider = Provider::load(&root, "isp").unwrap().unwrap();
    assert_eq!(provider.get("REMOTENAME"), "x y");
    provider.set("SPEED", "115200").unwrap();
    provider.save(&root).unwrap();
    assert!(read("etc/ppp/peers/isp").ends_with("\nmtu 1400\nlock # ours\n"));
    provider = Provider::load(&root, "isp").unwrap().unwrap();
    provider.delete(&root).unwrap();
    assert_eq!(read("etc/ppp/chap-secrets"), format!("{secrets}\n"));
    // A file of somebody else's.
    fs::write(place("etc/ppp/peers/other"), "noauth\n").unwrap();
    assert!(
        Provider::load(&root, "other")
            .unwrap_err()
            .contains("left alone")
    );
    assert!(list(&root).is_empty());
}

#[test]
fn wrong_values_are_refused() {
    let scratch = Scratch::new();
    let root = Root::new(Some(scratch.path()));
    let mut provider = Provider::new("isp");
    for (key, value) in [
        ("SPEED", "fast"),
        ("SPEED", "10"),
        ("PORT", "/etc/passwd"),
        ("PORT", "../x"),
        ("DNS", "somewhere"),
        ("METHOD", "NONE"),
        ("IPDEFAULT", "10.0.0.1"),
        ("IDLE", "-1"),
        ("USER", "a\nb"),
        ("NUMBER", ""),
        ("DEBUG", "maybe"),
        ("NONE", "1"),
    ] {
        assert!(provider.set(key, value).is_err(), "{key}={value}");
    }
    assert!(
        provider
            .save(&root)
            .unwrap_err()
            .contains("NUMBER is missing")
    );
    provider.set("NUMBER", "5").unwrap();
    provider.set("USER", "u").unwrap();
    assert_eq!(provider.save(&root).unwrap_err(), "the password is missing");
    for password in ["", "@/etc/passwd", "a\u{7}b"] {
        provider.password = Some(password.to_owned());
        assert!(provider.save(&root).is_err(), "{password:?}");
    }
    for name in ["", "a/b", "..", "-x", "a b", &"x".repeat(41)] {
        assert!(check_name(name).is_err(), "{name}");
    }
    assert!(!scratch.path().join("etc").exists());
}
