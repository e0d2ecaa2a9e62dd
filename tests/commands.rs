//! `wanrouter` and `wanconfig`: what they say, and what they leave alone.

use libtest_mimic::Trial;
use serde_json::Value;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Result, Router, ensure, json};

use crate::network::{Channel, DEVICE, End, Over, Pair, install};
use crate::{test, wanbox};

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("commands::stopped_router", NEEDS, stopped_router),
        test("commands::running_router", NEEDS, running_router),
        test("commands::every_error_at_once", NEEDS, every_error_at_once),
        test(
            "commands::no_line_for_hardware",
            NEEDS,
            no_line_for_hardware,
        ),
        test("commands::wrong_file_leaves_the_link", NEEDS, wrong_file),
        test(
            "commands::one_of_several_fails",
            NEEDS,
            one_of_several_fails,
        ),
        test("commands::second_copy_is_refused", NEEDS, second_copy),
        test("commands::reconfigure_disturbs_nobody", NEEDS, reconfigure),
        test("commands::one_interface", NEEDS, one_interface),
        test("commands::without_a_file", NEEDS, without_a_file),
        test("commands::hwprobe", NEEDS, hwprobe),
        test(
            "commands::addresses_and_routes",
            NEEDS,
            addresses_and_routes,
        ),
    ]
}

fn alone(end: &End) -> Result<Router> {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    install(&router, end, "cable:test", 0)?;
    Ok(router)
}

fn node() -> End {
    End::frame_relay("NODE", "ANSI", &[16, 17])
}

fn stopped_router() -> Result {
    let router = alone(&node())?;
    for verb in ["list", "status"] {
        let text = router.ok(&format!("wanrouter {verb}"))?;
        ensure!(text.contains("Router is stopped !"), "{verb}: {text}");
    }
    let stop = router.run("wanrouter stop")?.code(1)?;
    let said = format!("{}{}", stop.stdout, stop.stderr);
    ensure!(said.contains("Router is already stopped !"), "{stop:?}");
    Ok(())
}

fn running_router() -> Result {
    let router = alone(&node())?;
    let text = router.ok("wanrouter start")?;
    ensure!(
        text.contains(&format!("Starting up device: {DEVICE}")),
        "{text}"
    );
    ensure!(
        router
            .ok("wanrouter list")?
            .contains(&format!("\t{DEVICE}")),
        "not in the list"
    );
    let status = router.ok("wanrouter status")?;
    for part in [DEVICE, "Wanpipe Config:", "Wanrouter Status:"] {
        ensure!(status.contains(part), "no {part:?} in\n{status}");
    }
    // The texts that scripts read.
    for file in ["config", "status", DEVICE] {
        let text = router.read(&format!("/run/wanbox/net/wanrouter/{file}"))?;
        ensure!(!text.is_empty(), "{file} is empty");
    }
    let text = router.read("/run/wanbox/net/wanrouter/status")?;
    ensure!(text.contains(DEVICE) && text.contains("FR"), "{text}");
    json::parse(&router.ok("wanrouter status --json")?)?;
    router.ok("wanrouter stop")?;
    ensure!(
        router.daemon(DEVICE).is_err(),
        "the pid file is still there"
    );
    ensure!(
        router.netns.ip("link show wp1_fr16").is_err(),
        "the interface is still there"
    );
    let text = router.ok("wanrouter status")?;
    ensure!(text.contains("Router is stopped !"), "{text}");
    Ok(())
}

/// Four mistakes, one run, four findings with their lines.
fn every_error_at_once() -> Result {
    let router = alone(&node())?;
    let file = format!("/etc/wanpipe/{DEVICE}.conf");
    let text = router
        .read(&file)?
        .replace("T392 = 10", "T392 = 99")
        .replace("SIGNALLING = ANSI", "SIGNALLING = MORSE")
        .replace("MTU = 1500", "MTU = many")
        + "FROBNICATE = YES\n";
    router.write(&file, &text)?;
    let start = router.run("wanrouter start")?.code(1)?;
    let said = format!("{}{}", start.stdout, start.stderr);
    for (key, value) in [
        ("T392", "99"),
        ("SIGNALLING", "MORSE"),
        ("MTU", "many"),
        ("FROBNICATE", "YES"),
    ] {
        let line = text
            .lines()
            .position(|line| line.starts_with(key) && line.ends_with(value))
            .map_or(0, |n| n + 1);
        let place = format!("{DEVICE}.conf:{line}");
        ensure!(
            said.lines().any(|l| l.contains(&place) && l.contains(key)),
            "no finding for {place} {key}:\n{said}"
        );
    }
    // What would be right.
    ensure!(said.contains("ANSI") && said.contains("30"), "{said}");
    Ok(())
}

fn no_line_for_hardware() -> Result {
    let router = alone(&node())?;
    let file = format!("/etc/wanpipe/{DEVICE}.conf");
    let text = router.read(&file)?.replace(
        "LINE = cable:test",
        "CARD_TYPE = S51X\nS514CPU = A\nPCISLOT = 5",
    );
    router.write(&file, &text)?;
    let start = router.run("wanrouter start")?.code(1)?;
    let said = format!("{}{}", start.stdout, start.stderr);
    ensure!(said.contains("LINE") && said.contains("cable:"), "{said}");
    Ok(())
}

/// A restart with a wrong file: refused, and the link that runs is the same as before.
fn wrong_file() -> Result {
    let cpe = End::frame_relay("CPE", "ANSI", &[16, 17]);
    let pair = Pair::up(Over::Cable, &node(), &cpe)?;
    let before = pair.b.status(DEVICE)?;
    let file = format!("/etc/wanpipe/{DEVICE}.conf");
    let wrong = pair.b.read(&file)?.replace("N391 = 2", "N391 = 0");
    pair.b.write(&file, &wrong)?;
    pair.b.run("wanrouter restart")?.code(1)?;
    pair.b
        .run(&format!("wanconfig card {DEVICE} reconfig"))?
        .code(1)?;
    undisturbed(&before, &pair.b.status(DEVICE)?)?;
    Ping::new("10.0.16.1").all(&pair.b.netns)
}

/// The same daemon, and its link has not been down since.
fn undisturbed(before: &Value, after: &Value) -> Result {
    for key in ["pid", "link_ups", "state"] {
        ensure!(
            before[key] == after[key],
            "{key}: {} before, {} after",
            before[key],
            after[key]
        );
    }
    Ok(())
}

fn one_of_several_fails() -> Result {
    let router = alone(&node())?;
    router.write(
        "/etc/wanpipe/wanrouter.rc",
        "WAN_DEVICES=\"wanpipe1 wanpipe2\"\n",
    )?;
    // A card that is not there.
    router.write(
        "/etc/wanpipe/wanpipe2.conf",
        "[devices]\nwanpipe2 = WAN_CHDLC\n[interfaces]\nwp2_chdlc = wanpipe2, , WANPIPE\n\
         [wanpipe2]\nLINE = packet:nosuch0\n[wp2_chdlc]\n",
    )?;
    router.write(
        "/etc/wanpipe/interfaces/wp2_chdlc",
        "IPADDR=10.2.0.1\nPOINTOPOINT=10.2.0.2\n",
    )?;
    let start = router.run("wanrouter start")?.code(1)?;
    let said = format!("{}{}", start.stdout, start.stderr);
    ensure!(
        said.contains("wanpipe2") && said.contains("nosuch0"),
        "{said}"
    );
    let list = router.ok("wanrouter list")?;
    ensure!(
        list.contains("wanpipe1") && !list.contains("wanpipe2"),
        "{list}"
    );
    router.status("wanpipe1")?;
    Ok(())
}

fn second_copy() -> Result {
    let router = alone(&node())?;
    router.ok("wanrouter start")?;
    let pid = router.daemon(DEVICE)?;
    let second = router.run(&format!("wanpiped {DEVICE}"))?;
    ensure!(second.code != 0, "a second copy runs: {second:?}");
    ensure!(
        second.stderr.contains(&pid.to_string()),
        "it does not name the first one, {pid}: {second:?}"
    );
    ensure!(router.daemon(DEVICE)? == pid, "the pid file changed");
    router.status(DEVICE)?;
    Ok(())
}

/// An interface more, and another CIR: nobody else notices, not one ping is lost.
fn reconfigure() -> Result {
    let node = End::frame_relay("NODE", "ANSI", &[16, 17, 18]);
    let mut cpe = End::frame_relay("CPE", "ANSI", &[16, 17]);
    let pair = Pair::new(Over::Cable, &node, &cpe)?;
    pair.a.ok("wanrouter start")?;
    pair.b.ok("wanrouter start")?;
    pair.wait_up(&cpe.channels)?;
    let before = pair.b.status(DEVICE)?;
    cpe.channels.push(Channel::dlci(18));
    cpe.channels[1].keys = "CIR = 128\nBC = 128\nBE = 0\n".to_owned();
    install(&pair.b, &cpe, "cable:test", 1)?;
    let (done, pings) = std::thread::scope(|scope| {
        let pings = scope.spawn(|| {
            Ping {
                count: 15,
                ..Ping::new("10.0.16.1")
            }
            .all(&pair.b.netns)
        });
        std::thread::sleep(std::time::Duration::from_secs(1));
        let done = pair.b.ok(&format!("wanconfig card {DEVICE} reconfig"));
        (done, pings.join().unwrap_or(Ok(())))
    });
    done?;
    pings?;
    pair.wait_up(&cpe.channels)?;
    Ping::new("10.0.18.1").all(&pair.b.netns)?;
    Ping::new("10.0.17.1").all(&pair.b.netns)?;
    undisturbed(&before, &pair.b.status(DEVICE)?)
}

/// One interface is taken away and comes back; the other one does not notice.
fn one_interface() -> Result {
    let cpe = End::frame_relay("CPE", "ANSI", &[16, 17]);
    let pair = Pair::up(Over::Cable, &node(), &cpe)?;
    let before = pair.b.status(DEVICE)?;
    pair.b.ok(&format!("wanrouter stop {DEVICE} wp1_fr17"))?;
    ensure!(
        pair.b.netns.ip("link show wp1_fr17").is_err(),
        "wp1_fr17 is still there"
    );
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    pair.b.ok(&format!("wanrouter start {DEVICE} wp1_fr17"))?;
    pair.wait_up(&cpe.channels)?;
    Ping::new("10.0.17.1").all(&pair.b.netns)?;
    undisturbed(&before, &pair.b.status(DEVICE)?)
}

/// A device built by words alone.
fn without_a_file() -> Result {
    let cpe = End::frame_relay("CPE", "ANSI", &[16]);
    let pair = Pair::new(Over::Cable, &End::frame_relay("NODE", "ANSI", &[16]), &cpe)?;
    pair.a.ok("wanrouter start")?;
    std::fs::remove_file(pair.b.path(&format!("/etc/wanpipe/{DEVICE}.conf")))?;
    pair.b.ok(&format!(
        "wanconfig -U [devices] {DEVICE} WAN_FR [interfaces] wp1_fr16 {DEVICE} 16 WANPIPE \
         [{DEVICE}] LINE cable:test STATION CPE SIGNALLING ANSI T391 5 FR_ISSUE_FS YES \
         UDPPORT 9000 [wp1_fr16] MULTICAST NO"
    ))?;
    pair.wait_up(&cpe.channels)?;
    Ping::new("10.0.16.1").all(&pair.b.netns)?;
    pair.b.ok(&format!("wanconfig card {DEVICE} stop"))?;
    ensure!(pair.b.daemon(DEVICE).is_err(), "it still runs");
    // A group of words that is not complete.
    pair.b
        .run(&format!(
            "wanconfig -U [devices] {DEVICE} WAN_FR [interfaces] wp1_fr16 {DEVICE}"
        ))?
        .code(2)?;
    Ok(())
}

fn hwprobe() -> Result {
    let router = alone(&node())?;
    let text = router.ok("wanrouter hwprobe")?;
    ensure!(
        text.contains("Wanpipe Hardware Probe Info") && text.contains("Sangoma Card Count"),
        "{text}"
    );
    json::parse(&router.ok("wanrouter hwprobe --json")?)?;
    Ok(())
}

/// What the interface file says, as `ip` sees it.
fn addresses_and_routes() -> Result {
    let mut end = node();
    end.channels[0].ip = "IPADDR=10.0.16.1\nNETMASK=255.255.255.255\nPOINTOPOINT=10.0.16.2\n\
                          IPV6ADDR=fd00:16::1/64\nGATEWAY=0.0.0.0\n"
        .to_owned();
    let router = alone(&end)?;
    router.ok("wanrouter start")?;
    let links = router.netns.ip_json("addr show dev wp1_fr16")?;
    let link = &links[0];
    ensure!(link["mtu"] == 1500, "{link:#}");
    let info: Vec<&Value> = link["addr_info"].as_array().into_iter().flatten().collect();
    ensure!(
        info.iter()
            .any(|a| a["local"] == "10.0.16.1" && a["address"] == "10.0.16.2"),
        "{link:#}"
    );
    ensure!(
        info.iter()
            .any(|a| a["local"] == "fd00:16::1" && a["prefixlen"] == 64),
        "{link:#}"
    );
    let routes = router.netns.ip_json("route show default")?;
    ensure!(routes[0]["dev"] == "wp1_fr16", "{routes:#}");
    router.ok("wanrouter stop")?;
    ensure!(
        router.netns.ip_json("route show default")? == Value::Array(vec![]),
        "the default route is still there"
    );
    Ok(())
}
