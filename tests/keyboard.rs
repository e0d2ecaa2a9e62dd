//! `wpkbdmon` and `cfgft1`, where there is no keyboard and no adapter.

use libtest_mimic::Trial;
use serde_json::Value;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, ensure, json};

use crate::network::{DEVICE, End, Over, Pair};
use crate::test;

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

pub fn tests() -> Vec<Trial> {
    vec![test("keyboard::follows_the_link", NEEDS, follows)]
}

fn follows() -> Result {
    let end = End::cisco_hdlc();
    let pair = Pair::up(Over::Cable, &end, &end)?;
    let router = &pair.a;
    let watch = router.spawn_piped(&format!("wpkbdmon --json --count 3 {DEVICE} wp1_chdlc 1"))?;
    Ping::new("10.0.1.2").all(&router.netns)?;
    let output = watch.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    let samples: Vec<Value> = text.lines().map(json::parse).collect::<Result<_>>()?;
    ensure!(
        samples.len() == 3 && samples.iter().all(|s| s["connected"] == true),
        "{text}"
    );
    ensure!(
        samples
            .iter()
            .any(|s| s["sending"] == true && s["receiving"] == true),
        "the pings were not seen: {text}"
    );
    router.ok(&format!("wanconfig card {DEVICE} line cut"))?;
    pair.wait_down(router)?;
    let text = router.ok(&format!("wpkbdmon --print --count 1 {DEVICE} wp1_chdlc"))?;
    ensure!(text == "link off  tx off  rx off\n", "{text}");

    for (command, code, says) in [
        // Nor is there an adapter with a CSU/DSU.
        (
            "cfgft1 wanpipe1 --read",
            1,
            "cfgft1: there is no CSU/DSU on this line",
        ),
        (
            "wpkbdmon --console /dev/null wanpipe1 wp1_chdlc",
            1,
            "/dev/null: Inappropriate ioctl for device (os error 25); --print does without",
        ),
        (
            "wpkbdmon wanpipe1 wp1_nothing",
            3,
            "wp1_nothing: no such interface of wanpipe1",
        ),
        ("wpkbdmon wanpipe7 wp1_chdlc", 3, "wanpipe7 is not running"),
        (
            "wpkbdmon wanpipe1 wp1_chdlc 61",
            2,
            "'61' is no update interval: 1 to 60 seconds",
        ),
        ("wpkbdmon wanpipe1", 2, "interface"),
    ] {
        let finished = router.run(command)?;
        ensure!(
            finished.code == code && finished.stderr.contains(says),
            "{finished:?}"
        );
    }
    router.ok("wanrouter stop")?;
    let finished = router.run(&format!("wpkbdmon --print {DEVICE} wp1_chdlc"))?;
    ensure!(finished.code == 3, "{finished:?}");
    Ok(())
}
