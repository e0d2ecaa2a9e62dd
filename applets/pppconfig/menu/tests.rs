use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wanbox_console::dialog::Lines;

use super::*;
use crate::provider::tests::Scratch;

fn talk(root: &Path, words: &[&str], input: &str) -> String {
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    let command: Command = argv::read(NAME, &words).unwrap();
    let mut output = Vec::new();
    let mut lines = Lines::new(input.as_bytes(), &mut output);
    run(&command, &Root::new(Some(root)), &mut lines).unwrap();
    String::from_utf8(output).unwrap()
}

fn script(root: &Path, words: &[&str]) -> (u8, String) {
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    let command: Command = argv::read(NAME, &words).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = execute(&command, &Root::new(Some(root)), &mut out, &mut err);
    out.extend(err);
    (exit.0, String::from_utf8(out).unwrap())
}

#[test]
fn a_provider_by_questions() {
    let scratch = Scratch::new();
    let root = scratch.path();
    // Name, number, name servers, method CHAP, user, password, speed, port; then saved.
    let input = "1\nisp\n5551234\n\n2\njoe\nhush\n115200\n\ns\nb\nd1\n1\nb\n";
    let text = talk(root, &["--ttyport", "ttyWP0"], input);
    assert!(text.contains("This dials: pppd call isp"), "{text}");
    assert!(
        text.contains("PORT: /dev/ttyWP0") && !text.contains("hush"),
        "{text}"
    );
    let secrets = fs::read_to_string(root.join("etc/ppp/chap-secrets")).unwrap();
    assert_eq!(secrets, "joe isp hush\n");
    // Changed and dropped; deleted.
    let text = talk(root, &["--provider", "isp"], "2\n1\nb\n2\n");
    assert!(text.contains("(not written)"), "{text}");
    assert_eq!(
        script(root, &["--provider", "isp", "-g", "number"]),
        (0, "5551234\n".into())
    );
    talk(root, &[], "d1\n2\nb\n");
    assert_eq!(script(root, &["--list"]), (0, String::new()));
}

#[test]
fn a_provider_by_options() {
    let scratch = Scratch::new();
    let root = scratch.path();
    let file = root.join("password");
    fs::write(&file, "se cret\n").unwrap();
    let file = file.to_str().unwrap();
    let set = [
        "--provider",
        "isp",
        "--ttyport",
        "/dev/ttyUSB0",
        "--set",
        "NUMBER=5",
        "-s",
        "USER=joe",
    ];
    let with = |more: &[&str]| script(root, &[&set, more].concat());
    let (code, said) = with(&[]);
    assert_eq!(
        (code, said.trim()),
        (1, "pppconfig: nothing is written: the password is missing")
    );
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = with(&["--password-file", file]);
    assert!(code == 1 && said.contains("chmod 600"), "{said}");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let (code, said) = with(&["--password-file", file]);
    assert!(code == 0 && said.contains("/etc/ppp/peers/isp\n"), "{said}");
    assert_eq!(script(root, &["--list"]), (0, "isp\n".into()));
    assert_eq!(
        script(root, &["--provider", "isp", "--get", "PORT"]).1,
        "/dev/ttyUSB0\n"
    );
    for (words, code, text) in [
        (
            &["--provider", "isp", "--set", "PASSWORD=x"][..],
            2,
            "--password-file",
        ),
        (&["--provider", "isp", "--set", "SPEED"], 2, "KEY=VALUE"),
        (
            &["--provider", "isp", "--set", "SPEED=x"],
            1,
            "50 to 4000000",
        ),
        (&["--provider", "nobody", "--delete"], 3, "no provider"),
        (&["--provider", "a/b", "--delete"], 2, "not the name"),
        (&["--get", "PORT", "--delete"], 2, "only one of"),
    ] {
        let (exit, said) = script(root, words);
        assert!(
            exit == code && said.contains(text),
            "{words:?}: {exit} {said}"
        );
    }
    assert_eq!(script(root, &["--provider", "isp", "--delete"]).0, 0);
}
