use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;
use wanbox_link::access_list::{Action, MAX_RULES};

use super::*;

fn parse(text: &str) -> Config {
    match Config::parse("startup-config", text) {
        Ok((config, _)) => config,
        Err(findings) => panic!("{findings}"),
    }
}

fn warnings(text: &str) -> Vec<String> {
    let (_, findings) = Config::parse("f", text).unwrap();
    findings.iter().map(ToString::to_string).collect()
}

fn errors(text: &str) -> Vec<String> {
    let findings = Config::parse("f", text).unwrap_err();
    findings.iter().map(ToString::to_string).collect()
}

/// What lines of configuration mode answer, each from a fresh mode unless it stays in it.
fn answers(config: &mut Config, lines: &[&str]) -> Vec<String> {
    let mut mode = Mode::Global;
    let mut answers = Vec::new();
    for line in lines {
        let split = split(line, false);
        let words: Vec<&str> = split.words.iter().map(String::as_str).collect();
        match config.execute(&mut mode, &words, &|name| name == "used") {
            Ok(reply) => answers.push(reply.lines.join("/")),
            Err(refusal) => answers.push(refusal.text),
        }
    }
    answers
}

/// Answers each line of a table `line -> answer` and compares.
fn answers_as(config: &mut Config, table: &str) {
    let (lines, wanted): (Vec<&str>, Vec<&str>) = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once("->").unwrap())
        .map(|(line, answer)| (line.trim(), answer.trim()))
        .unzip();
    for ((line, wanted), answer) in lines.iter().zip(&wanted).zip(answers(config, &lines)) {
        assert_eq!(answer, *wanted, "{line}");
    }
}

#[test]
fn replies_of_the_original() {
    let mut config = Config::default();
    answers_as(&mut config, include_str!("golden/replies"));
    let printed = config.running();
    let (_, printed) = printed.split_once("# Plugins\n").unwrap();
    assert_eq!(
        printed,
        "# Remote LNS\nsetforward @x 1.2.3.5 1701 sec\n# BGP\nrouter bgp 100\n \
         neighbour 10.9.0.3 remote-as 7\n neighbour 10.9.0.3 timers 30 60\n \
         neighbour 10.9.0.4 remote-as 5\n neighbour 10.9.0.4 timers 20 60\n neighbour 10.9.0.4 update-source 10.9.0.1\n\
         # Filters\nip access-list standard abc\n permit any\n permit host 1.2.3.4\n \
         permit 1.2.3.99 0.0.0.255\n permit host 5.6.7.8\n deny host 9.9.9.9\n\
         ip access-list extended e1\n deny tcp any range 80 80 any\n \
         permit tcp 1.2.3.4 0.0.0.255 host 2.2.2.2 established\n \
         deny tcp any any match-any +syn +ack -ack\n \
         deny tcp any any match-all -fin +psh +urg\n \
         permit tcp any lt 5 any range 6 9 match-any +fin +syn +rst +psh +ack +urg\n \
         deny udp any gt 1023 any neq 53\n deny ip any any fragments\n \
         deny udp any any fragments\n deny ip 1.2.3.4 255.255.255.255 host 1.2.3.4\n# end\n"
    );
}

#[test]
fn replies_that_the_original_has_otherwise() {
    answers_as(
        &mut Config::default(),
        r#"
        set throttle_speed abc -> Invalid value "abc" of throttle_speed: not a number from 0 to 33554431
        set bind_address foo -> Invalid value "foo" of bind_address: not an IPv4 address
        load plugin ../x -> Invalid plugin name "../x"
        setforward a 1.2.3 1 s -> ERROR setforward a 1.2.3 1 s: '1.2.3' is not an IPv4 address
        setforward a 1.2.3.4 x s -> ERROR setforward a 1.2.3.4 x s: 'x' is not a port from 1 to 65535
        ip access-list standard used ->
        permit 1.2.3.4 0.0.0.255 9.9.9.9 any x -> Specify source ip address and wildcard
        permit 1.2.3.4 5.6.7 -> Cannot parse IP "5.6.7"
        no ip access-list standard used -> Access-list in use
        no ip access-list extended used -> Access-list in use
        ip access-list standard abc ->
        no ip access-list extended abc -> Access-list is standard
        ip access-list extended e ->
        permit udp any any eq 70000 -> Invalid port "70000"
        permit udp any any eq 80x -> Invalid port "80x"
        router bgp 5 ->
        neighbour 10.0.0.1 remote-as x -> Invalid autonomous system number
        neighbour a,b remote-as 5 -> Invalid neighbour
        "#,
    );
}

#[test]
fn standard_rules_may_have_a_destination() {
    let mut lists = AccessLists::default();
    lists.open(ListType::Standard, "s").unwrap();
    for rule in [
        "host 1.2.3.4 any",
        "1.2.3.4 host 5.6.7.8",
        "any 10.0.0.0 0.255.255.255",
        "1.2.3.0 0.0.0.255 5.6.7.0 0.0.0.255",
    ] {
        let words: Vec<&str> = rule.split(' ').collect();
        lists.add("s", Action::Deny, &words).unwrap();
    }
    let list = lists.find("s").unwrap();
    let shown: Vec<String> = list
        .rules
        .iter()
        .map(|rule| list.show(rule).to_string())
        .collect();
    assert_eq!(
        shown,
        [
            "deny host 1.2.3.4",
            "deny host 1.2.3.4 host 5.6.7.8",
            "deny any 10.0.0.0 0.255.255.255",
            "deny 1.2.3.0 0.0.0.255 5.6.7.0 0.0.0.255",
        ]
    );
}

#[test]
fn lists_have_limits() {
    let mut lists = AccessLists::default();
    for number in 0..MAX_LISTS {
        lists
            .open(ListType::Extended, &format!("l{number}"))
            .unwrap();
    }
    assert_eq!(
        lists.open(ListType::Extended, "more"),
        Err("Too many access-lists".into())
    );
    assert_eq!(lists.open(ListType::Extended, "l0"), Ok(()));
    let rule = |port: usize| format!("udp any eq {port} any");
    for port in 1..=MAX_RULES {
        let rule = rule(port);
        lists
            .add("l0", Action::Permit, &rule.split(' ').collect::<Vec<_>>())
            .unwrap();
    }
    let more = rule(60_000);
    let more: Vec<&str> = more.split(' ').collect();
    assert_eq!(
        lists.add("l0", Action::Permit, &more),
        Err("Too many rules".into())
    );
    let again = rule(1);
    assert_eq!(
        lists.add("l0", Action::Permit, &again.split(' ').collect::<Vec<_>>()),
        Ok(())
    );
}

/// What Debian's l2tpns prints with this file, but for what follows from other variables: there the
/// address of the TUN and its name are written back.
#[test]
fn prints_as_the_original() {
    let config = parse("set debug 5\nset bind_address 10.9.0.1\nset cluster_hb_timeout 31\n");
    let original = include_str!("golden/running-config");
    let printed = config.running();
    let ours: Vec<&str> = printed.lines().collect();
    let changed = [
        "set iftun_address",
        "set tundevicename",
        "set cli_bind_address",
    ];
    let mut place = 0;
    for line in original.lines() {
        // What the original does not have is between its last variable and its plugins.
        if line == "# Plugins" {
            place = ours.iter().position(|ours| *ours == line).unwrap();
        }
        if !changed.iter().any(|start| line.starts_with(start)) {
            assert_eq!(ours[place], line);
        }
        place += 1;
    }
    assert_eq!(place, ours.len());
}

#[test]
fn variables_are_named_once_and_their_defaults_are_read_back() {
    for (place, variable) in VARIABLES.iter().enumerate() {
        let first = VARIABLES
            .iter()
            .position(|other| other.name == variable.name);
        assert_eq!(first, Some(place), "{}", variable.name);
        let mut config = Config::default();
        let result = variable.set(&mut config, &variable.default_text());
        assert_eq!(result, Ok(None), "{}", variable.name);
        assert_eq!(config, Config::default(), "{}", variable.name);
        assert!(variable.help.ends_with('.') && !variable.help.contains('"'));
    }
}

#[test]
fn values() {
    let config = parse(
        "set log_file syslog:local5\nset l2tp_secret \"it's # a secret\"\nset ppp_restart_time 5\n\
         set primary_dns 10.0.0.1\nset radius_authtypes \"CH,p mschap\"\nset radius_accounting TRUE\n\
         set guest_account \"a, b c\"\nset cluster_hb_interval 7\nset ipv6_prefix 2001:db8::\n\
         set bind_multi_address \"10.0.0.1, 2001:db8::1\"\nset metrics_address 127.0.0.1:9100\n\
         set primary_radius_port 0\nset multi_read_count 0\nset radius_dae_port 0\n\
         set l2tp_mtu 0\nset no_throttle_local_IP yes\nset cli_port 0\n\
         set default_ipv6_domain_list a.example,b.example\n",
    );
    assert_eq!(config.log_file, Log::Syslog("local5"));
    assert_eq!(&*config.l2tp_secret, "it's # a secret");
    assert_eq!(config.ppp_restart_time, Duration::from_secs(5));
    assert_eq!(config.primary_dns, Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(
        config.radius_authtypes,
        [AuthType::Chap, AuthType::Pap, AuthType::MsChapV2]
    );
    assert!(config.radius_accounting && config.no_throttle_local_ip);
    assert_eq!(config.guest_account, ["a", "b", "c"]);
    assert_eq!(config.cluster_hb_interval, Duration::from_millis(700));
    assert_eq!(config.cluster_timeout(), Duration::from_secs(15));
    assert_eq!(config.listen_addresses().len(), 2);
    assert_eq!(config.tun_address(), Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(config.multi_read_count, 10, "0 is the default");
    assert_eq!((config.radius_dae_port, config.l2tp_mtu), (3799, 1500));
    assert_eq!((config.cli_port, config.primary_radius_port), (None, None));
    assert_eq!(config.default_ipv6_domain_list, ["a.example", "b.example"]);
    assert!(!format!("{config:?}").contains("a secret'"), "not in a log");
    assert!(!config.running_without_secrets().contains("it's"));
}

#[test]
fn what_follows_from_variables() {
    let config = Config::default();
    assert_eq!((config.mru(), config.mss()), (1462, 1422));
    assert_eq!(config.tun_address(), FALLBACK_ADDRESS);
    assert_eq!(config.listen_addresses(), [Ipv4Addr::UNSPECIFIED]);
    assert_eq!(parse("set l2tp_mtu 2600").mru(), MAX_MRU);
    assert_eq!(parse("set l2tp_mtu 10").mru(), 538);
    let radius = "set primary_radius 10.0.0.1\nset secondary_radius 10.0.0.2\n";
    assert_eq!(parse(radius).radius_servers(), [], "no secret");
    let radius = format!("{radius}set radius_secret s\nset primary_radius_port 1645\n");
    let ports = |text: &str| -> Vec<(u16, u16)> {
        let servers = parse(text).radius_servers();
        servers
            .iter()
            .map(|s| (s.port, s.accounting_port))
            .collect()
    };
    assert_eq!(ports(&radius), [(1645, 1646), (1645, 1646)]);
    let radius = format!(
        "{radius}set secondary_radius_port 1812\nset secondary_radius_accounting_port 2000\n"
    );
    assert_eq!(ports(&radius), [(1645, 1646), (1812, 2000)]);
    let config = parse("set iftun_address 10.1.0.1\nset bind_address 10.0.0.1");
    assert_eq!(config.ppp_address(), Ipv4Addr::new(10, 1, 0, 1));
    assert_eq!(config.nas_address(), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(
        parse("set radius_bind_max 100").radius_local_ports(),
        Some(37..=100)
    );
    assert_eq!(
        parse("set radius_bind_min 5000").radius_local_ports(),
        Some(5000..=65_534)
    );
    let config = parse("set hostname a\nset multi_hostname b,c");
    let collecting = parse("set snoop_host 10.0.0.9\nset snoop_port 4000");
    let collector = collecting.snoop_collector().unwrap();
    assert_eq!(collector.to_string(), "10.0.0.9:4000");
    assert_eq!(config.snoop_collector(), None);
    assert_eq!(config.tunnel_host_name(1, "m"), "c");
    assert_eq!(config.tunnel_host_name(2, "m"), "b");
    assert_eq!(Config::default().host_name("m"), "m");
}

#[test]
fn every_error_has_its_line() {
    assert_eq!(
        errors(
            "# fine\n! fine, too\nset debug 9\nset\n\nset foo 1\nset bind_address 10.0.0\nbla\n\
             set radius_accounting maybe\nset log_file relative\nip access-list standard x\n\
             permit 10.0.0.300\nset radius_bind_min 9\nset radius_bind_max 8\n"
        ),
        [
            "f:3: Invalid value \"9\" of debug: not a number from 0 to 5",
            "f:4: Specify variable and value",
            "f:6: Unknown variable \"foo\"",
            "f:7: Invalid value \"10.0.0\" of bind_address: not an IPv4 address",
            "f:8: Invalid command \"bla\"",
            "f:9: Invalid value \"maybe\" of radius_accounting: not yes or no",
            "f:10: Invalid value \"relative\" of log_file: not an absolute path, syslog:FACILITY, \
             or nothing for standard error",
            "f:12: Cannot parse IP \"10.0.0.300\"",
            "f:14: there is no port from radius_bind_min 9 to radius_bind_max 8",
        ]
    );
    assert_eq!(
        errors("set l2tp_challenge yes"),
        ["f:1: no peer can prove itself: there is no l2tp_secret"]
    );
    assert!(errors(&"x\n".repeat(10_000)).len() < 300);
}

#[test]
fn what_is_harmless_is_only_remarked() {
    assert_eq!(
        warnings(
            "set setuid 5\nset cluster_port 99\nset cluster_interface eth0\nset l2tp_mtu 9000\n\
             load plugin a\nload plugin a\nset l2tp_secret ab#c\nset hostname \"open\n\
             set debug 1 # as usual\nset primary_radius 10.0.0.1\nrouter bgp 5\n\
             set throttle_buckets 3000\n"
        ),
        [
            "f:1: warning: Unknown variable \"setuid\": the process gives up what it does not need by itself",
            "f:2: warning: cluster_port has no effect yet: it is for clusters",
            "f:4: warning: l2tp_mtu: 9000 is out of the range 576 to 2600: 2600 is used",
            "f:6: warning: Plugin is already loaded",
            "f:7: warning: '#' begins a comment: put the value between quotes if it is a part of it",
            "f:8: warning: a quote is not closed: it holds the rest of the line",
            "f:10: warning: RADIUS is not used: there is no radius_secret",
            "f:11: warning: router bgp has no effect yet",
            "f:12: warning: throttle_buckets has no effect: there are as many token buckets as needed",
        ]
    );
}

#[test]
fn lines_of_sub_modes_and_the_end_of_a_file() {
    let config = parse(
        "  router bgp 64512\n neighbour 10.0.0.9 remote-as 1\n neighbour 10.0.0.9 timers 9 30\n\
         set debug 2\nip acc ext web\n  permit tcp any any eq 80\nip access-list standard lan\n\
         permit 10.0.0.0 0.255.255.255\nload plugin 'garden'\nquit\nthis is not read\n",
    );
    assert_eq!(config.bgp.as_ref().unwrap().neighbours[0].timers, (9, 30));
    assert_eq!(config.debug, 2);
    assert_eq!(config.plugins, ["garden"]);
    let lists = &config.access_lists;
    assert_eq!(lists.find("web").unwrap().rules.len(), 1);
    assert_eq!(lists.find("lan").unwrap().list_type, ListType::Standard);
    assert_eq!(lists.find("none"), None);
}

#[test]
fn a_reload_tells_what_changes_and_when() {
    let old = parse(
        "set debug 1\nset bind_address 10.0.0.1\nload plugin a\nload plugin b\n\
         ip access-list standard x\npermit any\nip access-list standard y\npermit any\n\
         ip access-list standard z\ndeny any\n",
    );
    let new = parse(
        "set debug 2\nset hostname h\nload plugin b\nload plugin c\n\
         ip access-list standard y\ndeny any\nip access-list standard z\ndeny any\n\
         ip access-list standard new\n",
    );
    let changes = new.changes_since(&old);
    let names: Vec<&str> = changes.variables.iter().map(|v| v.name).collect();
    assert_eq!(names, ["debug", "bind_address", "hostname"]);
    let later: Vec<&str> = changes.at_restart().map(|v| v.name).collect();
    assert_eq!(later, ["bind_address", "hostname"]);
    assert!(changes.has("debug") && !changes.has("log_file"));
    assert_eq!(
        (changes.load, changes.remove),
        (vec!["c".into()], vec!["a".into()])
    );
    assert_eq!(changes.access_lists, ["x", "y", "new"]);
    assert!(!changes.bgp && changes.forwards.is_empty());
    assert!(new.changes_since(&new).is_empty());
}

/// Lines that may be in a file.
fn any_line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-zA-Z0-9_.:/@#!| ,-]{0,20}",
        (0u32..70_000).prop_map(|n| n.to_string()),
        any::<Ipv4Addr>().prop_map(|a| a.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|a| a.to_string()),
        Just("yes".to_owned()),
        Just("chap, pap".to_owned()),
        Just("\\PC{0,12}".to_owned()),
    ];
    let words = prop_oneof![
        Just("permit"),
        Just("deny"),
        Just("tcp"),
        Just("udp"),
        Just("ip"),
        Just("any"),
        Just("host"),
        Just("1.2.3.4"),
        Just("0.0.0.255"),
        Just("eq"),
        Just("range"),
        Just("80"),
        Just("99"),
        Just("established"),
        Just("match-all"),
        Just("match-any"),
        Just("+syn"),
        Just("-ack"),
        Just("fragments"),
    ];
    let variable = (0..VARIABLES.len()).prop_map(|place| VARIABLES[place].name);
    prop_oneof![
        6 => (variable, value).prop_map(|(name, value)| format!("set {name} \"{value}\"")),
        1 => "[a-z]{1,4}".prop_map(|name| format!("load plugin {name}")),
        1 => "[a-z@ \"#]{1,6}".prop_map(|mask| format!("setforward '{mask}' 10.0.0.1 1701 '{mask}'")),
        1 => (1u16..5, 0u16..3).prop_map(|(a, b)| format!("router bgp {a}\n neighbour p{b} remote-as {a}\n neighbour p{b} timers 9 {a}0")),
        2 => ("[ab]", prop::collection::vec(words, 1..12)).prop_map(|(name, words)| {
            format!("ip access-list extended {name}\n {}", words.join(" "))
        }),
        1 => Just("ip access-list standard s\npermit 1.2.3.4 0.0.255.0 any".to_owned()),
        1 => Just("permit tcp any eq 5 10.0.0.0 0.255.255.255 gt 7 match-all +syn -ack".to_owned()),
    ]
}

/// A configuration of those lines that are right.
fn of_lines(text: &str) -> Config {
    let mut config = Config::default();
    let mut mode = Mode::Global;
    for line in text.lines() {
        let split = split(line, true);
        let words: Vec<&str> = split.words.iter().map(String::as_str).collect();
        let before = config.clone();
        if config.execute(&mut mode, &words, &|_| false).is_err() {
            assert_eq!(config, before, "a refused line changes nothing: {line}");
        }
    }
    config
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(lines in prop::collection::vec(any_line(), 0..30)) {
        let config = of_lines(&lines.join("\n"));
        let printed = config.running();
        let again = of_lines(&printed);
        prop_assert_eq!(again.running(), printed);
        prop_assert_eq!(&again, &config);
        prop_assert!(again.changes_since(&config).is_empty());
        if let Ok((read, _)) = Config::parse("f", &config.running()) {
            prop_assert_eq!(read, config);
        }
    }

    #[test]
    fn no_text_panics(text in "([a-z0-9 \"'#!.|-]|\\n|\\PC){0,200}") {
        fuzz_config(text.as_bytes());
    }

    #[test]
    fn lines_that_are_right_in_places(lines in prop::collection::vec(any_line(), 0..12)) {
        fuzz_config(lines.join("\n").as_bytes());
    }
}

/// The part of the manual that is made of the table of variables.
fn manual() -> String {
    // mdoc(7) takes these for macros and escapes.
    let escape = |text: &str| text.replace('\\', "\\e").replace('-', "\\-");
    let mut lines = vec![".Bl -tag -width Ds".to_owned()];
    for variable in VARIABLES {
        let (name, noun) = (variable.name, variable.kind.noun());
        lines.push(format!(".It Cm set Li {name} Ar {noun}"));
        let mut sentences = vec![variable.help.replace(". ", ".\n")];
        sentences.push(match variable.default_text() {
            text if text.is_empty() => "Default: nothing.".to_owned(),
            text => format!("Default: {text}."),
        });
        match variable.kind {
            Kind::Number(..) | Kind::Clamped(..) | Kind::Seconds(..) | Kind::Tenths(..) => {
                sentences.push(format!("Range: {}.", variable.kind.describe()));
            }
            Kind::Words(most) | Kind::Addresses(most) => {
                sentences.push(format!("At most {most}."));
            }
            _ => {}
        }
        match variable.applies {
            Applies::Now => {}
            Applies::NewSessions => {
                sentences.push("A change applies to sessions that begin later.".into());
            }
            Applies::Restart => sentences.push("A change applies after the next start.".into()),
            Applies::Inactive(feature) => {
                sentences.push(format!("Kept, without effect yet: it is for {feature}."));
            }
            Applies::Nothing(why) => sentences.push(format!("Kept, without effect: {why}.")),
        }
        // Sentences begin lines, and lines are at most 80 octets long.
        for sentence in sentences.iter().flat_map(|text| text.lines()) {
            let mut line = String::new();
            for word in escape(sentence).split(' ') {
                if line.len() + 1 + word.len() > 80 {
                    lines.push(std::mem::take(&mut line));
                } else if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            lines.push(line);
        }
    }
    lines.push(".El\n".to_owned());
    lines.join("\n")
}

/// `REGENERATE=1 cargo test -p wanbox-l2tpns-engine manual` writes it anew.
#[test]
fn the_manual_has_every_variable() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../man/startup-config.5");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (
        ".\\\" Made of the table of variables, from here\n",
        ".\\\" to here.\n",
    );
    let (before, rest) = page.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    let wanted = manual();
    if std::env::var_os("REGENERATE").is_some() {
        std::fs::write(path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
        return;
    }
    assert!(
        found == wanted,
        "man/startup-config.5 is stale: REGENERATE=1 cargo test -p wanbox-l2tpns-engine manual"
    );
}
