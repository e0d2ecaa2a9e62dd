//! The walled garden: who is put in at the login or by nsctl, and where the packets go.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::json;
use wanbox_rig::error::Context;
use wanbox_rig::need::find_tool;
use wanbox_rig::{Error, Need, Radius, Result, ensure, until, wait_for};

use super::caller::{Call, Caller};
use super::{LIMIT, Net, joe};
use crate::test;

const NFT: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Root,
    Need::Tool("ip"),
    Need::Tool("freeradius"),
    Need::Tool("nft"),
];

const IPTABLES: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Root,
    Need::Tool("ip"),
    Need::Tool("freeradius"),
    Need::Tool("iptables"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("l2tpns::garden_of_nft", NFT, || garden(&NFTABLES)),
        test("l2tpns::garden_of_iptables", IPTABLES, || garden(&TABLES)),
    ]
}

/// A packet filter.
struct Filter {
    /// What build-garden tells it, so that the web is somewhere else.
    build: &'static str,
    /// Asks it for all its rules.
    list: &'static [&'static str],
    /// What is in there when an address is in the garden, around the address.
    walled: (&'static str, &'static str),
    /// What it must not find.
    without: Option<&'static str>,
}

const TABLES: Filter = Filter {
    build: "iptables -t nat -A garden -p tcp --dport 80 -j DNAT --to 198.51.100.2:8080\n",
    list: &["iptables", "-t", "nat", "-S"],
    walled: ("-A garden_users -s ", "/32 -j garden"),
    without: None,
};

const NFTABLES: Filter = Filter {
    build: "nft add rule ip garden garden tcp dport 80 dnat to 198.51.100.2:8080\n",
    list: &["nft", "list", "table", "ip", "garden"],
    walled: ("elements = { ", " }"),
    without: Some("iptables"),
};

/// The web server, and the one that those in the garden see.
struct Web {
    web: TcpListener,
    garden: TcpListener,
}

impl Web {
    fn open(net: &Net) -> Result<Self> {
        let open = |port: u16| -> Result<TcpListener> {
            let listen = || Ok(TcpListener::bind(("198.51.100.2", port))?);
            let listener = net.site.inside(listen)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        Ok(Self {
            web: open(80)?,
            garden: open(8080)?,
        })
    }

    /// What the subscriber gets from the web.
    fn fetch(&self, net: &Net) -> Result<String> {
        let to = ([198, 51, 100, 2], 80).into();
        let mut client = net
            .home
            .inside(|| TcpStream::connect_timeout(&to, LIMIT).context("the web"))?;
        client.set_read_timeout(Some(LIMIT))?;
        client.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let servers = [(&self.web, "the web"), (&self.garden, "the garden")];
        let (mut server, page) = wait_for("a connection", LIMIT, || {
            Ok(servers
                .iter()
                .find_map(|(server, page)| Some((server.accept().ok()?.0, *page))))
        })?;
        server.set_nonblocking(false)?;
        server.set_read_timeout(Some(LIMIT))?;
        let mut request = [0; 18];
        server.read_exact(&mut request)?;
        server.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{page}").as_bytes())?;
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        let (_, page) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| Error::new(&answer))?;
        Ok(page.to_owned())
    }
}

/// A server that does not find a program.
fn without(net: &Net, program: &str) -> Result<Command> {
    let path = find_tool(program).ok_or_else(|| Error::new(program))?;
    let server = net.lns.applet("l2tpns");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg("mount --bind /dev/null \"$1\" && shift && exec \"$@\"")
        .arg("sh")
        .arg(fs::canonicalize(path)?)
        .arg(server.get_program());
    for (name, value) in server.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    Ok(command)
}

const USERS: &str = "\njoe Cleartext-Password := \"open sesame\"\n";

fn garden(filter: &Filter) -> Result {
    let net = Net::new()?;
    let radius = Radius::start(&net.site, "radsec", USERS)?;
    let web = Web::open(&net)?;
    net.lns.write("/etc/l2tpns/build-garden", filter.build)?;
    net.lns.write("/etc/l2tpns/subscribers", "")?;
    let command = match filter.without {
        Some(program) => without(&net, program)?,
        None => net.lns.applet("l2tpns"),
    };
    let mut server = net.serve_with(
        "set primary_radius 198.51.100.2\nset radius_secret \"radsec\"\n\
         set radius_accounting yes\nset radius_authtypes \"pap\"\nload plugin \"garden\"\n\
         load plugin \"sessionctl\"\n",
        command,
    )?;
    let rules = || -> Result<String> {
        let (name, words) = filter
            .list
            .split_first()
            .ok_or_else(|| Error::new("no command"))?;
        let tool = find_tool(name).ok_or_else(|| Error::new(*name))?;
        let mut command = Command::new(tool);
        // Without a garden there is no table.
        Ok(net.lns.netns.finish(command.args(words), LIMIT)?.stdout)
    };
    let walled = |address, wanted: bool| -> Result {
        let (before, behind) = filter.walled;
        let rule = format!("{before}{address}{behind}");
        until(&format!("{rule}: {wanted}"), LIMIT, || {
            Ok(rules()?.contains(&rule) == wanted)
        })
        .context(rules()?)
        .context(net.log())?;
        Ok(())
    };
    let started = || -> Result<usize> {
        let mut records = radius.accounting()?;
        records.retain(|record| record.get("Acct-Status-Type") == Some("Start"));
        Ok(records.len())
    };

    // Nobody knows the password: in, but no further than the garden.
    let stranger = Call {
        user: ("joe", "open says me"),
        ..joe()
    };
    let caller = Caller::dial(&net.lac, &net.home, &stranger)?;
    let address = caller.connected().context(net.log())?;
    walled(address, true)?;
    let session = net.session("joe")?;
    ensure!(session["garden"] == json!(true), "{session}");
    let page = web.fetch(&net)?;
    ensure!(page == "the garden", "he sees {page}");
    // Not found by a name, nor told of to RADIUS.
    let said = net.lns.run("nsctl garden joe")?.code(1)?.stderr;
    ensure!(said == "session not found\n", "{said}");
    ensure!(started()? == 0, "a Start of somebody in the garden");

    // He has paid.
    let number = session["session"].to_string();
    net.lns.ok(&format!("nsctl ungarden {number} payer"))?;
    walled(address, false)?;
    let page = web.fetch(&net)?;
    ensure!(page == "the web", "he sees {page}");
    let session = net.session("payer")?;
    ensure!(session["garden"] == json!(false), "{session}");
    until("a Start", LIMIT, || Ok(started()? == 1))?;

    // And back: what is there is found by its name.
    net.lns.ok("nsctl garden payer")?;
    walled(address, true)?;
    let page = web.fetch(&net)?;
    ensure!(page == "the garden", "he sees {page}");
    let said = net.lns.run(&format!("nsctl garden {number}"))?.code(1)?;
    ensure!(said.stderr == "already in walled garden\n", "{said:?}");
    caller.hang_up();
    walled(address, false)?;
    drop(caller);

    // Whoever knows the password sees the web, at the same address or another.
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    let address = caller.connected().context(net.log())?;
    let page = web.fetch(&net)?;
    ensure!(page == "the web", "joe sees {page}");
    walled(address, false)?;
    // The garden goes with the server.
    server.signal(nix::sys::signal::Signal::SIGTERM)?;
    server.end(LIMIT)?;
    let rules = rules()?;
    ensure!(!rules.contains("garden"), "{rules}");
    Ok(())
}
