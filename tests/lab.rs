//! The kernel lab itself: what a script gets, and that no failure passes for a success.

use std::fs;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::lab::tool;
use wanbox_rig::run::finish;
use wanbox_rig::{Lab, Need, Result, TempDir, ensure};

use crate::{test, wanbox};

/// What scripts with pppd have before them.
pub const PPP: &str = include_str!("lab/ppp.sh");
/// The same for scripts that meet the kernel's AX.25.
pub const RADIO: &str = include_str!("lab/radio.sh");

/// Modules that tests may want, with dependencies of every kind.
const MODULES: &[&str] = &[
    "eql",
    "ppp_async",
    "ppp_synctty",
    "ppp_mppe",
    "pppoe",
    "l2tp_ppp",
    "tun",
    "slip",
    "hdlc_cisco",
    "hdlc_fr",
    "hdlc_ppp",
    "lapb",
    "mkiss",
    "netrom",
    "rose",
    "6pack",
    "bpqether",
    "veth",
    "dummy",
    "bridge",
    "nft_masq",
    "sch_netem",
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("lab::runs_a_script", &[Need::Lab], runs_a_script),
        test("lab::tells_failures_apart", &[Need::Lab], failures),
        test("lab::refuses_wrong_use", &[Need::Lab], wrong_use),
        test(
            "lab::pppd_to_pppd",
            &[Need::Lab, Need::Tool("pppd"), Need::Tool("socat")],
            pppd_to_pppd,
        ),
        test(
            "lab::eql_over_pppd",
            &[Need::Lab, Need::Tool("pppd"), Need::Tool("socat")],
            eql_over_pppd,
        ),
    ]
}

fn runs_a_script() -> Result {
    let dir = TempDir::new()?;
    fs::create_dir(dir.path().join("sub"))?;
    fs::write(dir.path().join("sub/text"), "from the host\n")?;
    let ran = Lab::new(&wanbox())
        .modules(MODULES)
        // The first is built into Debian's kernel; names may have either line in them.
        .modules(&["crc-ccitt", "ppp-async"])
        .with(&["ldd"])
        .file(dir.path(), "/srv/files")
        .run(
            r#"
            printf '%s\n' "$@"
            id -u
            uname -r >/out/release
            cat /srv/files/sub/text
            cut -d ' ' -f 1 /proc/modules >/out/modules
            ip link show eql
            ip link set eql mtu 1500 && ip link show eql
            wanbox --version
            for applet in wanrouter fpipemon; do command -v $applet; done
            head -c 3000000 /dev/zero >/out/zeros
            test -c /dev/ppp && test -c /dev/ptmx && test -d /dev/pts && echo devices
            ping -c 1 -W 5 127.0.0.1 >/dev/null && echo echoed
            ( exec >/dev/null 2>&1; sleep 1000 ) &
            echo a complaint >&2
            exit 7
            "#,
            &["two words", "it's", ""],
        )?;
    let finished = &ran.finished;
    ensure!(finished.code == 7, "{finished:?}");
    ensure!(finished.stderr == "a complaint\n", "{finished:?}");
    ensure!(
        finished
            .stdout
            .starts_with("two words\nit's\n\n0\nfrom the host\n"),
        "{finished:?}"
    );
    for text in [
        "mtu 576 ",
        "mtu 1500 ",
        "link/slip",
        "/usr/local/sbin/wanrouter\n/usr/local/sbin/fpipemon\n",
        "devices\nechoed\n",
        concat!("wanbox ", env!("CARGO_PKG_VERSION")),
    ] {
        ensure!(finished.stdout.contains(text), "no {text:?}: {finished:?}");
    }
    ensure!(
        ran.read("release")?.contains("-amd64"),
        "{}",
        ran.read("release")?
    );
    let loaded = ran.read("modules")?;
    for name in MODULES {
        ensure!(
            loaded.lines().any(|line| line == *name),
            "no {name}: {loaded}"
        );
    }
    ensure!(
        fs::metadata(ran.path("zeros"))?.len() == 3_000_000,
        "a file came over cut short"
    );
    Ok(())
}

/// The script's own failures have its status; those of the machine are errors.
fn failures() -> Result {
    let lab = Lab::new(&wanbox());
    let status = lab.run("exit 125", &[])?.finished;
    ensure!(status.code == 125 && status.stderr.is_empty(), "{status:?}");

    let panic = lab.run("echo before; echo c >/proc/sysrq-trigger; sleep 60", &[]);
    let panic = panic.err().map(|e| e.to_string()).unwrap_or_default();
    for text in [
        "Kernel panic - not syncing: sysrq triggered crash",
        "lab: the machine went down while the script ran",
        "before",
    ] {
        ensure!(panic.contains(text), "no {text:?}: {panic}");
    }

    // The first is ended in time to give its output back; the second machine is stopped.
    for (script, seconds, said) in [
        ("echo begun >/out/first.log; sleep 1000", 70, "begun"),
        (
            "poweroff() { sleep 1000; }; kill -STOP 1; sleep 1000",
            5,
            "",
        ),
    ] {
        let late = lab.clone().timeout(seconds).run(script, &[]);
        let late = late.err().map(|e| e.to_string()).unwrap_or_default();
        let over = format!("lab: the time was over: {seconds} s");
        ensure!(late.contains(&over) && late.contains(said), "{late}");
    }
    Ok(())
}

fn wrong_use() -> Result {
    let script = TempDir::new()?;
    let file = script.path().join("script");
    fs::write(&file, "exit 0\n")?;
    let file = file.to_str().unwrap_or_default();
    let wrong: &[(&[&str], &str)] = &[
        (&[], "no script"),
        (&["/nowhere"], "/nowhere: no such script"),
        (&[file, "other"], "`other': one script only"),
        (&[file, "--wich", "x"], "--wich: no such option"),
        (&[file, "--with"], "--with needs a value"),
        (&[file, "--with="], "--with needs a value"),
        (&[file, "--with", "no-such-tool"], "no such program"),
        (&[file, "--modules", "nosuch"], "has no module nosuch"),
        (&[file, "--modules", "a b"], "`a b' is no name of a module"),
        (&[file, "--modules", "./x.ko"], "./x.ko: no such module"),
        (&[file, "--file", "/etc/passwd"], "--file takes SRC:DST"),
        (&[file, "--file", "/etc:relative"], "--file takes SRC:DST"),
        (&[file, "--file", "/nowhere:/x"], "/nowhere: no such file"),
        (&[file, "--memory", "12"], "from 128 to 65536"),
        (&[file, "--memory", "1G"], "from 128 to 65536"),
        (&[file, "--timeout", "0"], "from 1 to 86400"),
        (&[file, "--cpus", "-1"], "from 1 to 64"),
        (&[file, "--wanbox", "/nowhere"], "/nowhere is missing"),
        (&["--shell", file], "--shell takes no script"),
        (&["--shell"], "--shell needs a terminal"),
    ];
    for (arguments, text) in wrong {
        let mut command = Command::new(tool("run"));
        command.args(*arguments).env("WANBOX_BIN", wanbox());
        let finished = finish(&mut command, Duration::from_secs(60))?;
        ensure!(
            finished.code == 125
                && finished.stdout.is_empty()
                && finished.stderr.starts_with("lab: ")
                && finished.stderr.contains(text),
            "no {text:?}: {finished:?}"
        );
    }
    let help = finish(
        Command::new(tool("run")).arg("--help"),
        Duration::from_secs(60),
    )?
    .ok()?;
    ensure!(help.contains("--modules NAMES"), "{help}");
    Ok(())
}

/// Two pppds in namespaces of their own, joined by two ptys: what wanbox is compared with.
fn pppd_to_pppd() -> Result {
    let script = r#"
        namespace one two
        joined /dev/line0 /dev/line1
        pppd_at one /dev/line0 noauth 10.0.0.1:10.0.0.2
        pppd_at two /dev/line1 noauth
        await 30 has_address two ppp0 10.0.0.2
        at one ip addr show ppp0
        at one ping -c 3 -W 5 10.0.0.2
        at two ping -c 3 -W 5 -s 1400 10.0.0.1
        stop one
        wait "$(cat /run/two.pid)"
        echo "the other ended with $?"
    "#;
    let ran = Lab::new(&wanbox())
        .modules(&["ppp_async"])
        .with(&["pppd", "socat"])
        .run(&format!("{PPP}{script}"), &[])?;
    for (text, times) in [
        ("inet 10.0.0.1 peer 10.0.0.2/32", 1),
        (" 0% packet loss", 2),
        // What pppd says when its peer has terminated the link.
        ("the other ended with 16", 1),
    ] {
        ensure!(
            ran.finished.stdout.matches(text).count() == times,
            "not {times} times {text:?}: {}",
            ran.everything()
        );
    }
    Ok(())
}

/// The kernel's eql over two PPP links carries every packet, and both links have a share.
fn eql_over_pppd() -> Result {
    let ran = Lab::new(&wanbox())
        .modules(&["ppp_async", "eql"])
        .with(&["pppd", "socat"])
        .run(&format!("{PPP}{}", include_str!("lab/eql.sh")), &[])?;
    let output = &ran.finished.stdout;
    let shares: Vec<u32> = output
        .lines()
        .find_map(|line| line.strip_prefix("ppp0 sent "))
        .into_iter()
        .flat_map(|rest| rest.split(", ppp1 "))
        .filter_map(|share| share.parse().ok())
        .collect();
    ensure!(
        output.contains("10 packets received, 0% packet loss")
            && shares.len() == 2
            && shares.iter().all(|&share| share >= 2)
            && shares.iter().sum::<u32>() >= 10,
        "{}",
        ran.everything()
    );
    Ok(())
}
