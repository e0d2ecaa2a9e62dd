//! What plugins of l2tpns do to the host: the walled garden in real packet filters.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use wanbox_l2tpns::plugins::{Filter, Plugins};
use wanbox_l2tpns_engine::plugin::{Wall, Work};
use wanbox_rig::run::finish;
use wanbox_rig::{Error, Need, Netns, Result, Router, Running, TempDir, ensure, need, wait_for};
use wanbox_runtime::event_loop::{Handler, Loop, Readiness, Token};

use crate::{source, test, wanbox};

const LIMIT: Duration = Duration::from_secs(60);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "l2tpns_plugins::garden_of_iptables",
            &[Need::Namespaces, Need::Root, Need::Tool("iptables")],
            || Netns::new()?.inside(garden_of_iptables),
        ),
        test(
            "l2tpns_plugins::python_example",
            &[
                Need::Namespaces,
                Need::Root,
                Need::Tun,
                Need::Tool("ip"),
                Need::Tool("python3"),
                Need::Tool("iptables"),
            ],
            python_example,
        ),
        test(
            "l2tpns_plugins::garden_of_nft",
            &[Need::Namespaces, Need::Root, Need::Tool("nft")],
            || Netns::new()?.inside(garden_of_nft),
        ),
    ]
}

struct Host(Plugins);

impl Handler for Host {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.0.ready(lp, token.id, readiness);
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        self.0.timer(lp, token.id);
    }

    fn child(&mut self, lp: &mut Loop, token: Token, _: u32, status: io::Result<ExitStatus>) {
        self.0.child(lp, token.id, status);
    }
}

/// A host with a garden of these rules.
struct Garden {
    lp: Loop,
    host: Host,
    _directory: TempDir,
}

impl Garden {
    fn new(filter: Filter, rules: &str) -> Result<Self> {
        let directory = TempDir::new()?;
        let script = directory.path().join("build-garden");
        fs::write(&script, rules)?;
        let plugins = Plugins::new(1, directory.path().to_owned(), script, filter);
        Ok(Self {
            lp: Loop::new()?,
            host: Host(plugins),
            _directory: directory,
        })
    }

    /// Makes changes, and waits until they are made.
    fn change(&mut self, walls: &[Wall]) -> Result {
        for wall in walls {
            self.host.0.work(&mut self.lp, Work::Garden(*wall));
        }
        let deadline = Instant::now() + LIMIT;
        while self.host.0.is_busy() {
            ensure!(Instant::now() < deadline, "the packet filter is silent");
            self.lp.turn(&mut self.host, Some(deadline))?;
        }
        Ok(())
    }
}

/// What a program of the packet filter says.
fn ask(line: &str) -> Result<String> {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let tool = need::find_tool(name).ok_or_else(|| Error::new(format!("no {name}")))?;
    finish(Command::new(tool).args(words), LIMIT)?.ok()
}

fn lacks(text: &str, what: &str) -> Result {
    ensure!(!text.contains(what), "{what} is still there:\n{text}");
    Ok(())
}

fn has(text: &str, times: usize, what: &str) -> Result {
    let found = text.matches(what).count();
    ensure!(
        found == times,
        "{what}: {found} times, not {times}:\n{text}"
    );
    Ok(())
}

fn garden_of_iptables() -> Result {
    const FOREIGN: &str = "-A PREROUTING -p tcp -m tcp --dport 8 -j DNAT --to-destination 10.9.9.9";
    ask(&format!("iptables -t nat {FOREIGN}"))?;
    // What is left of a daemon that was killed does no harm.
    ask("iptables -t nat -N garden")?;
    ask("iptables -t nat -A garden -j RETURN")?;
    let mut garden = Garden::new(
        Filter::Iptables,
        "iptables -t nat -A garden -p tcp ! --dport 53 -j DNAT --to 192.168.1.1\n",
    )?;
    let rules = || ask("iptables -t nat -S");
    garden.change(&[Wall::Build])?;
    garden.change(&[Wall::Build, Wall::Add(ADDRESS), Wall::Add(ADDRESS)])?;
    let text = rules()?;
    has(&text, 1, FOREIGN)?;
    has(&text, 1, "-A PREROUTING -j garden_users")?;
    has(&text, 1, "-A garden_users -s 10.0.0.7/32 -j garden")?;
    has(
        &text,
        1,
        "-A garden -p tcp -m tcp ! --dport 53 -j DNAT --to-destination 192.168.1.1",
    )?;
    lacks(&text, "RETURN")?;
    // Doubled by somebody else: all of them go.
    ask("iptables -t nat -A garden_users -s 10.0.0.7 -j garden")?;
    garden.change(&[Wall::Delete(ADDRESS), Wall::Delete(ADDRESS)])?;
    lacks(&rules()?, "10.0.0.7")?;
    garden.change(&[Wall::Remove])?;
    let text = rules()?;
    lacks(&text, "garden")?;
    has(&text, 1, FOREIGN)?;
    // The end of the daemon takes it away too.
    garden.change(&[Wall::Build, Wall::Add(ADDRESS)])?;
    has(&rules()?, 1, "10.0.0.7")?;
    garden.host.0.close(&mut garden.lp);
    lacks(&rules()?, "garden")
}

fn garden_of_nft() -> Result {
    ask("nft add table ip foreign")?;
    ask("nft add chain ip foreign prerouting { type nat hook prerouting priority -100 ; }")?;
    let mut garden = Garden::new(
        Filter::Nft,
        "nft add rule ip garden garden tcp dport != 53 dnat to 192.168.1.1\nexit 0\n",
    )?;
    let rules = || ask("nft list ruleset");
    garden.change(&[Wall::Build])?;
    garden.change(&[Wall::Build, Wall::Add(ADDRESS), Wall::Add(ADDRESS)])?;
    let text = rules()?;
    has(&text, 1, "ip saddr @users jump garden")?;
    has(&text, 1, "tcp dport != 53 dnat to 192.168.1.1")?;
    has(&text, 1, "elements = { 10.0.0.7 }")?;
    garden.change(&[Wall::Delete(ADDRESS), Wall::Delete(ADDRESS)])?;
    lacks(&rules()?, "10.0.0.7")?;
    garden.host.0.close(&mut garden.lp);
    let text = rules()?;
    lacks(&text, "garden")?;
    has(&text, 1, "table ip foreign")
}

/// The example of the manual in a running daemon, beside the garden.
fn python_example() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    router.write(
        "/etc/l2tpns/startup-config",
        "load plugin \"garden\"\nload plugin \"early\"\nset cli_port 0\nset bind_address 127.0.0.1\n",
    )?;
    router.write("/etc/l2tpns/ip_pool", "10.10.10.0/29\n")?;
    router.write(
        "/etc/l2tpns/build-garden",
        "iptables -t nat -A garden -p udp -j DNAT --to 192.168.1.1\n",
    )?;
    let example = fs::read_to_string(source().join("examples/l2tpns-plugin.py"))?;
    for name in ["early", "late", "hello"] {
        let path = format!("/usr/lib/l2tpns/{name}");
        router.write(&path, &example)?;
        if name != "late" {
            let mut mode = fs::metadata(router.path(&path))?.permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
            fs::set_permissions(router.path(&path), mode)?;
        }
    }
    let mut daemon = Running::from(router.spawn("l2tpns")?);
    // The one of the configuration says hello as soon as it can.
    let told = wait_for("the plugin", LIMIT, || Ok(Some(router.ok("nsctl hello")?)))?;
    ensure!(told == "Hello, world.\n0 sessions\n", "it said {told:?}");
    let rules = || {
        let iptables = need::find_tool("iptables").ok_or_else(|| Error::new("no iptables"))?;
        let mut command = Command::new(iptables);
        router
            .netns
            .finish(command.args(["-t", "nat", "-S"]), LIMIT)?
            .ok()
    };
    wait_for("the garden", LIMIT, || {
        Ok(rules()?.contains("-A garden -p udp -j DNAT").then_some(()))
    })?;
    router.ok("nsctl load_plugin hello")?;
    let help = router.ok("nsctl help")?;
    has(&help, 2, "  hello [USER] ")?;
    has(&help, 1, "  garden USER|SID ")?;
    for (line, wanted) in [
        ("nsctl hello you and me", "requires at most one user\n"),
        ("nsctl load_plugin hello", "plugin already loaded\n"),
        // Not executable, and not there at all.
        ("nsctl load_plugin late", "error loading plugin\n"),
        ("nsctl load_plugin never", "error loading plugin\n"),
        ("nsctl garden nobody", "session not found\n"),
    ] {
        let said = router.run(line)?.code(1)?.stderr;
        ensure!(said == wanted, "{line}: {said:?}, not {wanted:?}");
    }
    router.ok("nsctl unload_plugin early")?;
    router.ok("nsctl unload_plugin hello")?;
    router.run("nsctl hello")?.code(1)?;
    daemon.signal(Signal::SIGTERM)?;
    daemon.end(LIMIT)?;
    lacks(&rules()?, "garden")
}
