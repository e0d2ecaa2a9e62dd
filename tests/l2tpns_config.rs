//! The configuration beside Debian's l2tpns 2.4.1: the same files read and printed, the same
//! replies at the prompt.

use std::fs;

use libtest_mimic::Trial;
use wanbox_l2tpns_engine::config::{Config, Mode, VARIABLES, split};
use wanbox_rig::debian::NEEDED;
use wanbox_rig::{Debian, Error, Need, Result, ensure};

use crate::test;

const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Root,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("l2tpns"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("l2tpns_config::the_sample_of_the_package", NEEDS, sample),
        test("l2tpns_config::every_variable", NEEDS, every_variable),
        test("l2tpns_config::replies", NEEDS, replies),
        test("l2tpns_config::what_we_write_is_read", NEEDS, read_back),
    ]
}

/// Variables that Debian's writes back as others or the kernel make them; ours are as they were
/// set.
const DERIVED: [&str; 3] = ["iftun_address", "tundevicename", "primary_radius_port"];

/// What is printed without the variables that only we have, and those of [`DERIVED`].
fn comparable(printed: &str) -> Vec<String> {
    let first_of_ours = VARIABLES
        .iter()
        .position(|variable| variable.name == "max_tunnels");
    let ours: Vec<&str> = VARIABLES
        .iter()
        .skip(first_of_ours.unwrap_or(VARIABLES.len()))
        .map(|variable| variable.name)
        .collect();
    let keep = |line: &&str| match line.strip_prefix("set ") {
        Some(rest) => {
            let name = rest.split(' ').next().unwrap_or_default();
            !ours.contains(&name) && !DERIVED.contains(&name)
        }
        // Debian's forgets these.
        None => !line.starts_with("# Remote LNS") && !line.starts_with("setforward"),
    };
    printed.lines().filter(keep).map(str::to_owned).collect()
}

fn same_print(ours: &str, theirs: &str) -> Result {
    let (ours, theirs) = (comparable(ours), comparable(theirs));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        ensure!(ours == theirs, "we print {ours:?}, Debian's {theirs:?}");
    }
    ensure!(ours.len() == theirs.len(), "{ours:#?}\nis not\n{theirs:#?}");
    Ok(())
}

fn parse(text: &str) -> Result<Config> {
    match Config::parse("startup-config", text) {
        Ok((config, _)) => Ok(config),
        Err(findings) => Err(Error::new(findings.to_string())),
    }
}

/// Both read a file and print what they have.
fn compare(text: &str) -> Result {
    let mut debian = Debian::alone(text)?;
    same_print(&parse(text)?.running(), &debian.ask("show running-config")?)
}

/// The sample as the package has it, and all that it has behind a comment sign.
fn sample() -> Result {
    let Ok(text) = fs::read_to_string("/etc/l2tpns/startup-config") else {
        return Err(Error::new(
            "the package l2tpns has no /etc/l2tpns/startup-config",
        ));
    };
    // The log of the machine is not ours to write, and the file of the number not either.
    let text = text
        .replace("/var/log/l2tpns", "")
        .replace("/var/run/l2tpns.pid", "");
    compare(&format!("{text}\n{NEEDED}"))?;
    let all: Vec<String> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(set) if set.starts_with("set ") => set.to_owned(),
            _ => line.to_owned(),
        })
        // Its comment has another name than the program.
        .filter(|line| !line.starts_with("set nexthop"))
        // These are none of the test's.
        .filter(|line| !line.contains("bind_address") && !line.contains("hostname"))
        .collect();
    compare(&format!("{}\n{NEEDED}", all.join("\n")))
}

/// A value for each variable that is not its default.
const OTHER_VALUES: &str = r#"
    set debug 1
    set random_device "/dev/random"
    set l2tp_secret "it's a secret"
    set l2tp_mtu 1460
    set ppp_restart_time 4
    set ppp_max_configure 11
    set ppp_max_failure 6
    set ppp_keepalive no
    set primary_dns 10.0.0.1
    set secondary_dns 10.0.0.2
    set primary_radius 10.0.0.3
    set secondary_radius 10.0.0.4
    set primary_radius_port 1645
    set secondary_radius_port 1647
    set radius_accounting TRUE
    set radius_interim 600
    set radius_secret 'radius (secret)'
    set radius_authtypes "CHAP,pa"
    set radius_dae_port 3800
    set radius_bind_min 20000
    set radius_bind_max 30000
    set allow_duplicate_users 1
    set kill_timedout_sessions no
    set guest_account "joe, ann"
    set bind_address 10.9.0.1
    set peer_address 10.9.0.2
    set send_garp yes
    set throttle_speed 64
    set throttle_buckets 100
    set accounting_dir "/nonexistent/acct"
    set account_all_origin yes
    set dump_speed no
    set multi_read_count 20
    set scheduler_fifo no
    set lock_pages no
    set icmp_rate 5
    set packet_limit 50
    set cluster_address 239.192.13.14
    set cluster_port 32793
    set cluster_mcast_ttl 2
    set cluster_master_min_adv 2
    set ipv6_prefix 2001:db8::
    set hostname "lns"
    set nexthop_address 10.9.0.7
    set nexthop6_address 2001:db8::7
    set echo_timeout 20
    set idle_echo_timeout 120
    set iftun_address 10.9.1.1
    set tundevicename "tun7"
    set disable_lac_func yes
    set auth_tunnel_change_addr_src yes
    set bind_address_remotelns 10.9.0.1
    set bind_portremotelns 65431
    set pppoe_service_name "service"
    set pppoe_ac_name "ac"
    set disable_sending_hello yes
    set disable_no_spoof yes
    set pppoe_only_equal_svc_name yes
    set multi_hostname "lns"
    set no_throttle_local_IP yes
    set dhcp6_preferred_lifetime 100
    set dhcp6_valid_lifetime 200
    set dhcp6_server_duid 7
    set dns6_lifetime 300
    set primary_ipv6_dns 2001:db8::53
    set secondary_ipv6_dns 2001:db8::54
    set default_ipv6_domain_list "example.org"
    # The rest, with comments ...
    load plugin "sessionctl"
    load plugin 'snoopctl'   # ... of every kind
    setforward @other 10.0.0.5 1701 secret
    router bgp 64512
      neighbour 10.9.0.3 remote-as 64513
      neighbour 10.9.0.3 timers 5 15
      neighbour 10.9.0.4 remote-as 0
    ip access-list standard lan
      permit 10.0.0.0 0.255.255.255
      deny any
    ip access-list extended web
      permit tcp any gt 1023 any eq 80
      permit tcp any any established
      deny ip any any fragments
"#;

/// These would make Debian's fail here, or change the machine.
const NOT_SET: [&str; 5] = [
    "log_file",
    "pid_file",
    "pppoe_if_to_bind",
    "bind_multi_address",
    "cli_bind_address",
];

fn every_variable() -> Result {
    for variable in VARIABLES.iter().take_while(|v| v.name != "max_tunnels") {
        let set = format!("set {} ", variable.name);
        ensure!(
            OTHER_VALUES.contains(&set)
                || NEEDED.contains(&set)
                || NOT_SET.contains(&variable.name),
            "{} is not tried",
            variable.name
        );
    }
    compare(&format!("{OTHER_VALUES}\n{NEEDED}"))
}

/// Every reply of the table is still what Debian's says; that it is what we say, another test
/// knows. What both have then is printed the same.
fn replies() -> Result {
    let mut debian = Debian::alone(NEEDED)?;
    let mut ours = parse(NEEDED)?;
    let mut mode = Mode::Global;
    debian.ask("configure terminal")?;
    let table = include_str!("../applets/l2tpns/engine/config/golden/replies");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (line, wanted) = line.split_once("->").ok_or_else(|| Error::new(line))?;
        let (line, wanted) = (line.trim(), wanted.trim().replace('/', "\n"));
        let answer = debian
            .ask(line)
            .map_err(|e| Error::new(format!("{line}: {e}")))?;
        if answer.trim() != wanted {
            wrong.push(format!("{line}: {answer:?}, not {wanted:?}"));
        }
        let words = split(line, false).words;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // That it is refused alike is in the table.
        let _ = ours.execute(&mut mode, &words, &|_| false);
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    debian.ask("exit")?;
    same_print(&ours.running(), &debian.ask("show running-config")?)?;
    // The lists again, with what is printed for one that is not there.
    let shown = debian.ask("show access-list abc e1 none")?;
    let mut wanted = Vec::new();
    for name in ["abc", "e1"] {
        let list = ours
            .access_lists
            .find(name)
            .ok_or_else(|| Error::new(name))?;
        wanted.push(wanbox_l2tpns_engine::show::access_list(list, &[]));
    }
    let wanted = format!("{}Access-list none not defined", wanted.join(" \n"));
    ensure!(shown == wanted, "{shown}\nis not\n{wanted}");
    Ok(())
}

/// What we write is read by Debian's, and it then has what we have.
fn read_back() -> Result {
    let config = parse(&format!("{OTHER_VALUES}\n{NEEDED}"))?;
    compare(&config.running())
}
