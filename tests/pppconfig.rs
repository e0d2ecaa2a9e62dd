//! `pppconfig`: what it writes is read by the programs that it is for.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::{Need, Result, Router, Terminal, ensure, run};

use crate::{test, wanbox};

const PASSWORD: &str = "se \"cr\\et'#^-@";

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "pppconfig::chat_dials_and_logs_in",
            &[Need::Namespaces, Need::Tool("chat")],
            chat_dials,
        ),
        test(
            "pppconfig::pppd_takes_the_options",
            &[Need::Namespaces, Need::Tool("pppd")],
            pppd_takes_it,
        ),
    ]
}

/// A router with a provider, made by a script; then changed by these words.
fn provider(method: &str) -> Result<Router> {
    let router = Router::new(&wanbox())?;
    router.write("/password", &format!("{PASSWORD}\n"))?;
    let file = router.path("/password");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let mut command = router.applet("pppconfig");
    command
        .args(["--provider", "isp", "--ttyport", "/dev/null"])
        .args(["--set", "NUMBER=0,555", "--set", "USER=joe d"])
        .args(["--set", &format!("METHOD={method}"), "--password-file"])
        .arg(&file);
    run::finish(&mut command, Duration::from_secs(60))?.ok()?;
    Ok(router)
}

/// The modem and the peer are played here.
fn chat_dials() -> Result {
    let router = provider("CHAT")?;
    let mut command = Command::new("chat");
    command.arg("-f").arg(router.path("/etc/chatscripts/isp"));
    let mut modem = Terminal::start(&mut command, 80, 24)?;
    modem.answer("ATZ", "\r\nOK\r\n")?;
    modem.answer("ATDT0,555", "\r\nCONNECT 38400\r\n")?;
    // ENTER alone wakes the peer.
    modem.press("login: ")?;
    modem.answer("joe d", "\r\nPassword: ")?;
    modem.wait(PASSWORD)?;
    ensure!(modem.end()? == 0, "chat failed");
    Ok(())
}

fn pppd_takes_it() -> Result {
    let router = provider("PAP")?;
    let secrets = router.read("/etc/ppp/pap-secrets")?;
    ensure!(secrets.starts_with("\"joe d\" isp "), "{secrets}");
    let mut command = Command::new("pppd");
    command
        .arg("file")
        .arg(router.path("/etc/ppp/peers/isp"))
        .arg("dryrun");
    let ended = run::finish(&mut command, Duration::from_secs(60))?;
    // 4: the options were taken, and this kernel has no PPP. 2 would be a wrong option.
    ensure!([0, 4].contains(&ended.code), "{ended:?}");
    ensure!(!ended.stderr.contains("unrecognized"), "{ended:?}");
    Ok(())
}
