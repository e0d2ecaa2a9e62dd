//! `wancfg`: on a terminal and for scripts; what it writes starts.

use std::fs;

use libtest_mimic::Trial;
use wanbox_rig::terminal::{CTRL_C, DOWN, ENTER, ERASE, ESC};
use wanbox_rig::{Need, Result, Router, Terminal, ensure, json};

use crate::{source, test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces];
const STARTS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];
const CONF: &str = "/etc/wanpipe/wanpipe1.conf";

pub fn tests() -> Vec<Trial> {
    vec![
        test("wancfg::a_link_from_nothing", STARTS, from_nothing),
        test("wancfg::a_sample_is_edited", NEEDS, sample_edited),
        test("wancfg::wrong_input_is_refused", NEEDS, wrong_input),
        test("wancfg::leaving_asks", NEEDS, leaving_asks),
        test("wancfg::plain_lines", NEEDS, plain_lines),
        test("wancfg::without_a_terminal", NEEDS, without_a_terminal),
        test("wancfg::for_scripts", STARTS, for_scripts),
    ]
}

fn with_sample() -> Result<Router> {
    let router = Router::new(&wanbox())?;
    let sample = |name: &str| fs::read_to_string(source().join("samples").join(name));
    router.write(CONF, &sample("wanpipe1.fr")?)?;
    router.write("/etc/wanpipe/interfaces/wp1_fr16", &sample("interface")?)?;
    Ok(router)
}

fn terminal(router: &Router, device: Option<&str>) -> Result<Terminal> {
    Terminal::start(router.applet("wancfg").args(device), 80, 24)
}

/// Every question of a new Frame Relay link, and the link runs.
fn from_nothing() -> Result {
    let router = Router::new(&wanbox())?;
    let mut t = terminal(&router, None)?;
    t.answer("> New device", ENTER)?;
    t.answer("Name of the new device", ENTER)?;
    t.answer("The protocol of wanpipe1", ENTER)?;
    t.answer("┌ LINE", "cable:demo\r")?;
    t.answer("STATION", DOWN)?;
    t.answer("> NODE", ENTER)?;
    t.answer("SIGNALLING", ENTER)?;
    t.answer("┌ DLCI", ENTER)?;
    t.answer("Name of the interface", ENTER)?;
    t.answer("wp1fr16.MODE", ENTER)?;
    t.answer("wp1fr16.ip.IPADDR", "10.0.0.1\r")?;
    t.answer("wp1fr16.ip.POINTOPOINT", "10.0.0.2\r")?;
    t.answer("wp1fr16.ip.NETMASK", ENTER)?;
    t.answer("Default route", ENTER)?;
    t.answer("Start wanpipe1 with the router?", ENTER)?;
    t.answer("not written", "s")?;
    t.answer("This starts it: wanrouter start wanpipe1", ENTER)?;
    t.answer("wanpipe1 in ", ESC)?;
    t.answer("starts with the router", ESC)?;
    ensure!(t.end()? == 0, "wancfg failed");

    router.ok("wancfg wanpipe1 --check")?;
    router.ok("wanrouter start")?;
    let address = router.netns.ip("-4 addr show dev wp1fr16")?;
    ensure!(address.contains("10.0.0.1 peer 10.0.0.2/32"), "{address}");
    let list = json::parse(&router.ok("wancfg --list --json")?)?;
    ensure!(list[0]["running"] == true, "{list}");
    router.ok("wanrouter stop")?;
    Ok(())
}

/// One value of a file that a person wrote, found by searching; the rest stays.
fn sample_edited() -> Result {
    let router = with_sample()?;
    let before = router.read(CONF)?;
    let mut t = terminal(&router, Some("wanpipe1"))?;
    t.answer("wanpipe1 in ", "/ttl")?;
    t.answer("> TTL", ENTER)?;
    t.answer("'ttl' only", ENTER)?;
    t.answer("┌ TTL", &ERASE.repeat(3))?;
    t.press("64\r")?;
    t.answer("not written", "?")?;
    t.wait("--set T")?;
    t.press(ENTER)?;
    t.answer("wanpipe1 in ", "s")?;
    t.answer("┌ Written", ENTER)?;
    t.answer("wanpipe1 in ", ESC)?;
    ensure!(t.end()? == 0, "wancfg failed");
    let wanted = before.replace("TTL             = 255", "TTL             = 64");
    ensure!(router.read(CONF)? == wanted, "{}", router.read(CONF)?);
    ensure!(router.read(&format!("{CONF}.bak"))? == before, "no backup");
    Ok(())
}

fn wrong_input() -> Result {
    let router = with_sample()?;
    let before = router.read(CONF)?;
    let mut t = terminal(&router, Some("wanpipe1"))?;
    t.answer("wanpipe1 in ", "/mtu\r\r")?;
    t.answer("┌ MTU", "9\r")?;
    t.answer("'15009' is out of range; allowed: 128 to 4098", ESC)?;
    t.answer("MTU                     1500", ESC)?;
    t.answer("wp1_fr16", ESC)?;
    ensure!(t.end()? == 0, "wancfg failed");
    ensure!(router.read(CONF)? == before, "changed");
    // A file that is wrong already is shown as such, and not written as long as it is.
    router.write(CONF, &before.replace("= ANSI  ", "= MORSE "))?;
    let mut t = terminal(&router, Some("wanpipe1"))?;
    t.answer("1 error", "e")?;
    // Where its line breaks depends on the length of the path before it.
    t.answer("'MORSE' is", ENTER)?;
    t.answer("wanpipe1 in ", "/signalling\r\r")?;
    t.answer("> ANSI", ENTER)?;
    t.answer("not written", "s")?;
    t.answer("┌ Written", ENTER)?;
    t.answer("wanpipe1 in ", CTRL_C)?;
    ensure!(t.end()? == 0, "wancfg failed");
    ensure!(router.read(CONF)? == before, "{}", router.read(CONF)?);
    Ok(())
}

fn leaving_asks() -> Result {
    let router = with_sample()?;
    let before = router.read(CONF)?;
    let mut t = terminal(&router, None)?;
    t.answer("> wanpipe1", ENTER)?;
    t.answer("wanpipe1 in ", "/station\r\r")?;
    t.answer("> CPE", DOWN)?;
    t.answer("> NODE", ENTER)?;
    t.answer("not written", CTRL_C)?;
    t.answer("is changed and not written", ESC)?;
    t.answer("wanpipe1 in ", CTRL_C)?;
    t.answer("> Write it", DOWN)?;
    t.answer("> Drop the changes", ENTER)?;
    ensure!(t.end()? == 0, "wancfg failed");
    ensure!(router.read(CONF)? == before, "changed");
    Ok(())
}

fn plain_lines() -> Result {
    let router = with_sample()?;
    let mut command = router.applet("wancfg");
    command.args(["--plain", "wanpipe1"]);
    let mut t = Terminal::start(&mut command, 100, 60)?;
    t.answer("\n>\n", "/ttl\n")?;
    t.answer("1) TTL: 255", "1\n")?;
    t.answer("(ENTER: 255; . goes back)", "999\n")?;
    t.answer("'999' is out of range", "64\n")?;
    t.answer("(not written)", "s\n")?;
    t.answer("Written", "b\n")?;
    ensure!(t.end()? == 0, "wancfg failed");
    ensure!(router.ok("wancfg wanpipe1 --get TTL")? == "64\n", "not set");
    Ok(())
}

fn without_a_terminal() -> Result {
    let router = with_sample()?;
    let ended = router.run("wancfg wanpipe1")?.code(1)?;
    ensure!(
        ended.stderr.contains("no terminal") && ended.stderr.contains("--set"),
        "{ended:?}"
    );
    Ok(())
}

fn for_scripts() -> Result {
    let router = Router::new(&wanbox())?;
    let refused = router.run("wancfg wanpipe1 --new WAN_CHDLC --set LINE=wire:x")?;
    ensure!(refused.code(1)?.stderr.contains("cable:NAME"), "no hint");
    router.ok(
        "wancfg wanpipe1 --new WAN_CHDLC --set LINE=cable:x --add-interface wp1chdlc \
         --set wp1chdlc.ip.IPADDR=10.0.0.1 --boot yes",
    )?;
    router.ok("wanrouter start")?;
    let set = router.run("wancfg wanpipe1 --set MTU=576")?.code(0)?;
    ensure!(
        set.stderr.contains("wanconfig card wanpipe1 reconfig"),
        "{set:?}"
    );
    let refused = router.run("wancfg wanpipe1 --delete")?.code(1)?;
    ensure!(
        refused.stderr.contains("wanrouter stop wanpipe1"),
        "{refused:?}"
    );
    router.ok("wanrouter stop")?;
    router.ok("wancfg wanpipe1 --delete")?;
    router.run("wancfg wanpipe1 --check")?.code(3)?;
    Ok(())
}
