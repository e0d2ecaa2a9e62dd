//! A packet-radio station, and the host as its neighbour through `ni`.

use std::net::Ipv4Addr;
use std::path::Path;

use wanbox_rig::{Result, Router};

use crate::{PATIENCE, echo};

/// What the station's startup file says.
const STARTUP: &str = "hostname oe0aaa
ip address 10.9.0.1
attach ni ni0 10.9.0.2 255.255.255.0
route add 10.9.0.2 ni0
start echo
";

/// Commands from a shell, and what they print.
const COMMANDS: [&str; 4] = ["ping 10.9.0.2", "route", "ifconfig ni0", "icmp status"];

/// Starts it, has both ping each other and shows what it knows.
///
/// # Errors
/// Something of that does not go.
pub fn show(wanbox: &Path) -> Result {
    let router = Router::new(wanbox)?;
    router.write("/tcp/net.rc", STARTUP)?;
    for line in STARTUP.lines() {
        println!("    {line}");
    }
    let execute = |words: &[&str]| -> Result<String> {
        let mut command = router.applet("net");
        router.netns.finish(command.args(words), PATIENCE)?.ok()
    };
    println!("host# net -d");
    print!("{}", execute(&["-d"])?);
    println!("host# ping 10.9.0.1");
    let answered = router
        .netns
        .inside(|| echo::ping(Ipv4Addr::new(10, 9, 0, 1), 2));
    let shown = answered.and_then(|()| {
        COMMANDS.iter().try_for_each(|line| {
            println!("host# net -e '{line}'");
            print!("{}", execute(&["-e", line])?);
            Ok(())
        })
    });
    // It must not outlive this, whatever went wrong.
    let ended = execute(&["-e", "exit"]);
    shown.and(ended.map(drop))
}
