//! `wpbackupd`: a primary that is cut under load, a backup that takes over, and the way back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::Value;
use wanbox_rig::{Need, Netns, Result, Router, ensure, uninterrupted, until, wait_for};

use crate::network::{DEVICE, End, Over, Pair};
use crate::test;

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];

/// The longest that anything here may take: the dial timeout of the configuration and more.
const LIMIT: Duration = Duration::from_secs(90);

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "backup::takes_over_and_returns_under_load",
            NEEDS,
            takes_over,
        ),
        test("backup::a_backup_that_fails_is_tried_again", NEEDS, fails),
        test("backup::a_check_tells_of_failures", NEEDS, checked),
        test("backup::bad_input", NEEDS, bad_input),
    ]
}

fn configure(router: &Router, text: &str) -> Result {
    router.write("/etc/wanpipe/wpbackupd.conf", text)
}

/// The state of the only link.
fn status(router: &Router) -> Result<Value> {
    let text = router.ok("wpbackupd status --json")?;
    let all: Value = serde_json::from_str(&text)?;
    Ok(all[0].clone())
}

fn wait_state(router: &Router, state: &str) -> Result {
    until(&format!("the state {state}"), LIMIT, || {
        Ok(status(router)?["state"] == state)
    })
    .map_err(|error| {
        let now = status(router).map_or_else(|e| e.to_string(), |s| s.to_string());
        wanbox_rig::Error::new(format!("{error}\n{now}\n{}", router.logs()))
    })?;
    Ok(())
}

/// Through which interface a network is reached.
fn through(netns: &Netns, network: &str) -> Result<String> {
    let text = netns.ip(&format!("route show {network}"))?;
    let mut words = text.split_whitespace();
    words.find(|word| *word == "dev");
    Ok(words.next().unwrap_or_default().to_owned())
}

/// A second device at one end: Cisco HDLC over the cable `spare`.
fn second_device(router: &Router, n: usize) -> Result {
    router.write(
        "/etc/wanpipe/wanpipe2.conf",
        "[devices]\nwanpipe2 = WAN_CHDLC\n\n[interfaces]\nwp2_chdlc = wanpipe2, , WANPIPE\n\n\
         [wanpipe2]\nLINE = cable:spare\nMTU = 1500\nUDPPORT = 0\n\n[wp2_chdlc]\n\
         KEEPALIVE_TX_TIMER = 500\nKEEPALIVE_RX_TIMER = 600\nKEEPALIVE_ERR_MARGIN = 3\n",
    )?;
    let (here, there) = (n + 1, 2 - n);
    router.write(
        "/etc/wanpipe/interfaces/wp2_chdlc",
        &format!("IPADDR=10.0.2.{here}\nNETMASK=255.255.255.255\nPOINTOPOINT=10.0.2.{there}\n"),
    )
}

fn takes_over() -> Result {
    let end = End::cisco_hdlc();
    let pair = Pair::new(Over::Cable, &end, &end)?;
    for (n, router) in [&pair.a, &pair.b].into_iter().enumerate() {
        second_device(router, n)?;
        // Addresses that belong to no line: what runs between them survives a change of lines.
        router
            .netns
            .ip(&format!("addr add 10.9{n}.0.1/32 dev lo"))?;
        router.ok("wanrouter start")?;
    }
    // The far end waits for a call; nearer, the call is placed by the daemon.
    pair.b.ok("wanrouter start wanpipe2")?;
    pair.wait_up(&end.channels)?;
    pair.a
        .netns
        .ip("route add 10.91.0.1/32 dev wp1_chdlc src 10.90.0.1")?;
    pair.b
        .netns
        .ip("route add 10.90.0.1/32 dev wp1_chdlc src 10.91.0.1")?;
    let log = pair.a.path("/changes");
    pair.a.write(
        "/hook",
        &format!("#!/bin/sh\necho \"$1 $2\" >>{}\n", log.display()),
    )?;
    executable(&pair.a, "/hook")?;
    configure(
        &pair.a,
        &format!(
            "[wp1_chdlc]\nINTERFACE = wp2_chdlc\nDEVICE = wanpipe2\nFAIL_AFTER = 1\n\
             RESTORE_AFTER = 3\nDIAL_TIMEOUT = 20\nROUTES = 10.91.0.1/32\nON_CHANGE = {}\n",
            pair.a.path("/hook").display()
        ),
    )?;
    configure(
        &pair.b,
        "[wp1_chdlc]\nINTERFACE = wp2_chdlc\nSTART = true\nSTOP = true\nFAIL_AFTER = 1\n\
         RESTORE_AFTER = 3\nDIAL_TIMEOUT = 30\nROUTES = 10.90.0.1/32\n",
    )?;
    for router in [&pair.a, &pair.b] {
        router.ok("wpbackupd")?;
        ensure!(status(router)?["state"] == "primary", "{}", status(router)?);
        ensure!(
            router.run("wpbackupd")?.stderr.contains("already running"),
            "a second copy was not refused"
        );
    }
    // An interface whose channel is down takes packets but does not run (RFC 2863: dormant).
    let spare = pair.b.netns.ip_json("link show wp2_chdlc")?;
    ensure!(spare[0]["operstate"] == "DORMANT", "{spare}");

    let stop = AtomicBool::new(false);
    let (sent, received) = thread::scope(|scope| -> Result<_> {
        let listener = pair
            .b
            .netns
            .inside(|| Ok(TcpListener::bind("10.91.0.1:9")?))?;
        let receiver = scope.spawn(move || receive(&listener));
        let sender = scope.spawn(|| send(&pair.a.netns, &stop));
        let story = || -> Result {
            for _ in 0..2 {
                pair.a.ok(&format!("wanconfig card {DEVICE} line cut"))?;
                for router in [&pair.a, &pair.b] {
                    wait_state(router, "backup")?;
                }
                let dev = through(&pair.a.netns, "10.91.0.1")?;
                ensure!(dev == "wp2_chdlc", "the route did not follow: {dev}");
                pair.a.ok(&format!("wanconfig card {DEVICE} line join"))?;
                for router in [&pair.a, &pair.b] {
                    wait_state(router, "primary")?;
                }
                let dev = through(&pair.a.netns, "10.91.0.1")?;
                ensure!(dev == "wp1_chdlc", "the route did not return: {dev}");
                ensure!(
                    !pair.a.ok("wanrouter list")?.contains("wanpipe2"),
                    "the backup still runs"
                );
            }
            Ok(())
        };
        let told = story();
        stop.store(true, Ordering::Relaxed);
        let sent = join(sender)?;
        let received = join(receiver)?;
        told.map_err(|error| pair.explain(error))?;
        Ok((sent, received))
    })?;
    ensure!(
        sent == received && sent > 0,
        "{sent} octets were sent, {received} arrived"
    );
    let end = status(&pair.a)?;
    ensure!(
        end["takeovers"] == 2 && end["returns"] == 2 && end["failed_attempts"] == 0,
        "{end}"
    );
    let hooks = wait_for("the hook's four lines", LIMIT, || {
        let text = pair.a.read("/changes").unwrap_or_default();
        Ok((text.lines().count() == 4).then_some(text))
    })?;
    ensure!(
        hooks == "wp1_chdlc backup\nwp1_chdlc primary\n".repeat(2),
        "{hooks}"
    );
    pair.a.ok("wpbackupd stop")?;
    ensure!(
        pair.a.run("wpbackupd status")?.code == 3,
        "status of a daemon that is gone"
    );
    Ok(())
}

fn executable(router: &Router, file: &str) -> Result {
    use std::os::unix::fs::PermissionsExt;
    let path = router.path(file);
    Ok(std::fs::set_permissions(
        path,
        std::fs::Permissions::from_mode(0o755),
    )?)
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match thread.join() {
        Ok(result) => result,
        Err(_) => Err(wanbox_rig::Error::new("a thread of the transfer panicked")),
    }
}

/// The octet at this place of the stream.
fn pattern(place: u64) -> u8 {
    (place ^ (place >> 8) ^ (place >> 16)) as u8
}

/// Sends the pattern until it is told to stop. Returns the octets sent.
fn send(netns: &Netns, stop: &AtomicBool) -> Result<u64> {
    let to: SocketAddr = "10.91.0.1:9".parse()?;
    let mut stream = netns.inside(|| Ok(std::net::TcpStream::connect(to)?))?;
    stream.set_write_timeout(Some(Duration::from_secs(60)))?;
    let mut place = 0;
    let mut chunk = [0; 8192];
    while !stop.load(Ordering::Relaxed) {
        for (octet, place) in chunk.iter_mut().zip(place..) {
            *octet = pattern(place);
        }
        stream.write_all(&chunk)?;
        place += chunk.len() as u64;
        // A load, not a benchmark: other tests run beside it.
        thread::sleep(Duration::from_millis(2));
    }
    Ok(place)
}

/// Reads to the end and compares. Returns the octets received.
fn receive(listener: &TcpListener) -> Result<u64> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut place = 0;
    let mut chunk = [0; 65536];
    loop {
        let count = uninterrupted(|| stream.read(&mut chunk))?;
        if count == 0 {
            return Ok(place);
        }
        for octet in chunk.iter().take(count) {
            ensure!(*octet == pattern(place), "octet {place} is wrong");
            place += 1;
        }
    }
}

/// A router whose primary is one end of a cable that leads nowhere.
fn with_primary() -> Result<Router> {
    let router = Router::new(&crate::wanbox())?;
    for command in [
        "link set lo up",
        "link add pri0 type veth peer name far0",
        "link set far0 up",
        "link set pri0 up",
    ] {
        router.netns.ip(command)?;
    }
    Ok(router)
}

fn fails() -> Result {
    let router = with_primary()?;
    configure(
        &router,
        "[pri0]\nINTERFACE = bak0\nRUN = false\nFAIL_AFTER = 100ms\nREDIAL = 200ms\n\
         REDIAL_MAX = 400ms\n",
    )?;
    router.ok("wpbackupd")?;
    router.netns.ip("link set pri0 down")?;
    until("three attempts", LIMIT, || {
        Ok(status(&router)?["failed_attempts"].as_u64() >= Some(3))
    })?;
    let now = status(&router)?;
    ensure!(
        now["trouble"]
            .as_str()
            .is_some_and(|t| t.contains("the backup ended: exit status: 1")),
        "{now}"
    );
    ensure!(now["carrying"] == "primary", "{now}");
    let shown = router.ok("wpbackupd status")?;
    ensure!(
        shown.contains("pri0") && shown.contains("down") && shown.contains("exit status: 1"),
        "{shown}"
    );
    router.netns.ip("link set pri0 up")?;
    wait_state(&router, "primary")?;
    // By command, whatever the primary is.
    router.ok("wpbackupd backup pri0")?;
    ensure!(status(&router)?["mode"] == "backup", "{}", status(&router)?);
    router.ok("wpbackupd auto pri0")?;
    let gone = router.run("wpbackupd backup pri1")?;
    ensure!(
        gone.code == 3
            && gone
                .stderr
                .contains("pri1 is not a primary link; there are: pri0"),
        "{gone:?}"
    );
    router.ok("wpbackupd stop")?;
    Ok(())
}

fn checked() -> Result {
    let router = with_primary()?;
    let flag = router.path("/well");
    router.write("/well", "")?;
    // The backup is a program that makes an interface and lives as long as it.
    router.write(
        "/dial",
        "#!/bin/sh\nip link add bak0 type veth peer name far1 && ip link set far1 up &&\n\
         ip link set bak0 up || exit 1\n\
         trap 'ip link del bak0; exit 0' TERM\nwhile :; do sleep 0.1; done\n",
    )?;
    executable(&router, "/dial")?;
    router.netns.ip("addr add 192.0.2.1/24 dev pri0")?;
    router
        .netns
        .ip("route add default via 192.0.2.254 dev pri0")?;
    configure(
        &router,
        &format!(
            "[pri0]\nINTERFACE = bak0\nRUN = {}\nFAIL_AFTER = 0\nRESTORE_AFTER = 500ms\n\
             CHECK = test -e {}\nCHECK_EVERY = 200ms\nCHECK_FAILURES = 2\n",
            router.path("/dial").display(),
            flag.display()
        ),
    )?;
    router.ok("wpbackupd")?;
    wait_state(&router, "primary")?;
    std::fs::remove_file(&flag)?;
    wait_state(&router, "backup")?;
    ensure!(
        through(&router.netns, "default")? == "bak0",
        "the default route did not follow"
    );
    router.write("/well", "")?;
    wait_state(&router, "primary")?;
    let route = router.netns.ip_json("route show default")?;
    ensure!(
        route[0]["dev"] == "pri0" && route[0]["gateway"] == "192.0.2.254",
        "{route}"
    );
    until("the backup's interface to go", LIMIT, || {
        Ok(router.netns.ip("link show bak0").is_err())
    })?;
    router.ok("wpbackupd stop")?;
    Ok(())
}

fn bad_input() -> Result {
    let router = Router::new(&crate::wanbox())?;
    let absent = router.run("wpbackupd")?;
    ensure!(
        absent.code == 1 && absent.stderr.contains("wpbackupd.conf"),
        "{absent:?}"
    );
    configure(
        &router,
        "[wp1]\nINTERFACE = ppp0\nPPPD = call isp\nFAIL = 3\n",
    )?;
    for command in ["wpbackupd", "wpbackupd --check"] {
        let wrong = router.run(command)?;
        ensure!(
            wrong.code == 1
                && wrong
                    .stderr
                    .contains(":4: FAIL: unknown key; allowed: INTERFACE"),
            "{wrong:?}"
        );
    }
    configure(&router, "[wp1]\nINTERFACE = ppp0\nPPPD = call isp\n")?;
    ensure!(
        router.run("wpbackupd --check")?.code == 0,
        "a good file was refused"
    );
    for (command, code) in [
        ("wpbackupd status", 3),
        ("wpbackupd stop", 3),
        ("wpbackupd auto wp1", 3),
        ("wpbackupd backup", 2),
        ("wpbackupd nonsense", 2),
        ("wpbackupd --nonsense", 2),
    ] {
        let finished = router.run(command)?;
        ensure!(finished.code == code, "{command}: {finished:?}");
        ensure!(!finished.stderr.is_empty(), "{command} says nothing");
    }
    Ok(())
}
