//! The fuzz targets without a fuzzer: every committed input through the function of its target.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use libtest_mimic::Trial;
use wanbox_rig::{Result, ensure};

use crate::{source, test};

/// What a target does with its input.
type Target = fn(&[u8]);

/// The targets, each with its function.
const TARGETS: &[(&str, Target)] = &[
    ("access_list", wanbox_link::access_list::fuzz_access_list),
    ("agwpe", wanbox_wire::agwpe::fuzz_agwpe),
    ("api", wanbox_wire::api::fuzz_api),
    ("arp", wanbox_wire::arp::fuzz_arp),
    ("assign", wanbox_grammar::assign::fuzz_assign),
    ("auth", |octets| {
        wanbox_link::ppp::auth::fuzz_auth(Instant::now(), octets);
    }),
    ("ax25", wanbox_wire::ax25::fuzz_ax25),
    ("ax25_routes", |octets| {
        wanbox_net_engine::radio::file::fuzz_ax25_routes(octets);
    }),
    ("ax25_station", |octets| {
        wanbox_net_ax25::fuzz::fuzz_ax25_station(Instant::now(), octets);
    }),
    ("bundle", |octets| {
        wanbox_link::ppp::multilink::fuzz_bundle(Instant::now(), octets);
    }),
    ("cisco_hdlc", wanbox_wire::cisco_hdlc::fuzz_cisco_hdlc),
    ("cisco_hdlc_link", |octets| {
        wanbox_wanrouter_engine::fuzz::fuzz_cisco_hdlc_link(Instant::now(), octets);
    }),
    ("commands", wanbox_grammar::commands::fuzz_commands),
    ("conf", wanbox_wanrouter::conf::fuzz_parse),
    ("editor", wanbox_console::editor::fuzz_editor),
    ("dhcpv6", wanbox_wire::dhcpv6::fuzz_dhcpv6),
    ("dns", wanbox_wire::dns::fuzz_dns),
    ("eql_dial", wanbox_eql::fuzz_dial),
    ("eql_schedule", wanbox_eql_engine::keeper::fuzz_schedule),
    ("eql_master", |octets| {
        wanbox_eql_engine::fuzz::fuzz_master(Instant::now(), octets);
    }),
    ("fcs", wanbox_wire::fcs::fuzz_fcs),
    ("framing", wanbox_link::framing::fuzz_framing),
    ("flexnet", wanbox_wire::flexnet::fuzz_flexnet),
    ("frame_relay", wanbox_wire::frame_relay::fuzz_frame_relay),
    ("frame_relay_link", |octets| {
        wanbox_wanrouter_engine::fuzz::fuzz_frame_relay_link(Instant::now(), octets);
    }),
    ("flexnet_node", |octets| {
        wanbox_net_flexnet::fuzz_flexnet_node(Instant::now(), octets);
    }),
    ("ip", wanbox_wire::ip::fuzz_ip),
    ("keyboard", wanbox_net_console::editor::fuzz_keyboard),
    ("guard", wanbox_net_console::guard::fuzz_guard),
    ("kiss", wanbox_wire::kiss::fuzz_kiss),
    ("l2tp", wanbox_wire::l2tp::fuzz_l2tp),
    ("lapb", wanbox_wire::lapb::fuzz_lapb),
    ("lapb_link", |octets| {
        wanbox_link::lapb::fuzz::fuzz_lapb_link(Instant::now(), octets);
    }),
    ("ipv6", wanbox_l2tpns_engine::ipv6::fuzz_ipv6),
    ("l2tpns_config", wanbox_l2tpns_engine::config::fuzz_config),
    ("line", wanbox_grammar::line::fuzz_line),
    ("lmi", wanbox_wire::lmi::fuzz_lmi),
    ("monitor", |octets| {
        wanbox_wanrouter::fuzz_monitor(Instant::now(), octets);
    }),
    ("member", wanbox_wire::ppp::member::fuzz_member),
    ("multilink", wanbox_wire::ppp::multilink::fuzz_multilink),
    ("ndp", wanbox_wire::ndp::fuzz_ndp),
    ("net_arp", wanbox_net_engine::arp::file::fuzz_arp_file),
    ("net_commands", |octets| {
        wanbox_net_commands::fuzz_station_commands(Instant::now(), octets);
    }),
    ("net_desk", |octets| {
        wanbox_net_desk::fuzz::fuzz_desk(Instant::now(), octets);
    }),
    ("net_ax25", |octets| {
        wanbox_net_ax25::connection::fuzz::fuzz_ax25_connection(Instant::now(), octets);
    }),
    ("net_netrom", |octets| {
        wanbox_net_netrom::fuzz_netrom_node(Instant::now(), octets);
    }),
    (
        "net_routes",
        wanbox_net_engine::route::file::fuzz_route_file,
    ),
    ("net_remote", |octets| {
        wanbox_net_services::remote::fuzz_remote(octets);
        wanbox_net_services::fuzz_destination(octets);
    }),
    ("net_services", |octets| {
        wanbox_net_services::fuzz_login(octets);
        wanbox_net_services::fuzz_services(Instant::now(), octets);
    }),
    ("net_station", |octets| {
        wanbox_net_engine::fuzz::fuzz_station(Instant::now(), octets);
    }),
    ("net_trace", wanbox_net_engine::trace::fuzz_packet_text),
    ("netrom", wanbox_wire::netrom::fuzz_netrom),
    ("nrs", wanbox_link::nrs::fuzz_nrs),
    ("nsctl", wanbox_wire::nsctl::fuzz_nsctl),
    ("offload", wanbox_link::offload::fuzz_segment),
    ("pattern", wanbox_console::pattern::fuzz_pattern),
    ("pcap", wanbox_wire::pcap::fuzz_pcap),
    ("pipemon", wanbox_wire::pipemon::fuzz_pipemon),
    ("plane", |octets| {
        wanbox_l2tpns_engine::plane::fuzz::fuzz_plane(Instant::now(), octets);
    }),
    ("plugin", |octets| {
        wanbox_l2tpns_engine::plugin::fuzz_plugin(Instant::now(), octets);
    }),
    ("ppp", wanbox_wire::ppp::fuzz_ppp),
    ("ppp_session", |octets| {
        wanbox_link::ppp::fuzz::fuzz_ppp_session(Instant::now(), octets);
    }),
    ("ppp_link", |octets| {
        wanbox_wanrouter_engine::fuzz::fuzz_ppp_link(Instant::now(), octets);
    }),
    ("radius", wanbox_wire::radius::fuzz_radius),
    ("radius_client", |octets| {
        wanbox_l2tpns_engine::radius::fuzz_radius_client(Instant::now(), octets);
    }),
    ("resolver", wanbox_runtime::resolver::fuzz_reply),
    ("rip", wanbox_wire::rip::fuzz_rip),
    ("secrets", wanbox_grammar::secrets::fuzz_secrets),
    ("sections", wanbox_grammar::sections::fuzz_sections),
    ("sfm", wanbox_wire::sfm::fuzz_sfm),
    ("slip", wanbox_link::slip::fuzz_slip),
    ("status_map", wanbox_wire::status_map::fuzz_status_map),
    (
        "subscribers",
        wanbox_l2tpns_engine::subscribers::fuzz_subscribers,
    ),
    (
        "telnet_client",
        wanbox_net_console::telnet::fuzz_telnet_client,
    ),
    ("tcp", |octets| {
        wanbox_net_tcp::fuzz_tcp(Instant::now(), octets);
    }),
    ("trace", wanbox_pipemon::fuzz_trace),
    ("tunnels", |octets| {
        wanbox_l2tpns_engine::tunnel::fuzz::fuzz_tunnels(Instant::now(), octets);
    }),
    ("vj", wanbox_link::vj::fuzz_vj),
    ("vj_header", wanbox_wire::vj::fuzz_vj_header),
    ("words", wanbox_net_console::words::fuzz_words),
    ("xot", |octets| {
        wanbox_link::xot::fuzz::fuzz_xot(Instant::now(), octets);
    }),
    ("x25", wanbox_wire::x25::fuzz_x25),
    ("x25_device", |octets| {
        wanbox_wanrouter_engine::fuzz::fuzz_x25_device(Instant::now(), octets);
    }),
    ("x25api", wanbox_wire::x25api::fuzz_x25api),
    ("x25_layer", |octets| {
        wanbox_link::x25::fuzz::fuzz_x25_layer(Instant::now(), octets);
    }),
];

pub fn tests() -> Vec<Trial> {
    let replays = TARGETS
        .iter()
        .map(|&(name, target)| test(format!("corpus::{name}"), &[], move || replay(name, target)));
    let complete = test("corpus::every_function_has_a_target", &[], complete);
    replays.chain([complete]).collect()
}

fn replay(name: &str, target: Target) -> Result {
    let mut replayed = 0;
    for entry in fs::read_dir(source().join("tests/fuzz/corpus").join(name))? {
        let octets = fs::read(entry?.path())?;
        // Beginnings of it too: most of them end where a length says that more should come.
        for length in 0..=octets.len().min(200) {
            target(&octets[..length]);
        }
        target(&octets);
        replayed += 1;
    }
    ensure!(replayed > 0, "{name} has no inputs to begin with");
    Ok(())
}

/// The table above, the targets, their entries in the manifest and the functions are the same.
fn complete() -> Result {
    let fuzz = source().join("tests/fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml"))?;
    let mut targets = BTreeSet::new();
    let mut called = String::new();
    for entry in fs::read_dir(fuzz.join("targets"))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        ensure!(
            manifest.contains(&format!("path = \"targets/{name}.rs\"")),
            "{name} is not in tests/fuzz/Cargo.toml"
        );
        called.push_str(&fs::read_to_string(&path)?);
        targets.insert(name.into_owned());
    }
    let table: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    ensure!(targets == table, "targets {targets:?}, replayed {table:?}");

    let mut functions = BTreeSet::new();
    for room in ["src", "applets"] {
        find_functions(&source().join(room), &mut functions)?;
    }
    // A target may call several.
    ensure!(functions.len() >= TARGETS.len(), "found {functions:?}");
    for function in functions {
        let call = format!("::{function}(");
        ensure!(called.contains(&call), "no target calls {function}");
    }
    Ok(())
}

/// The names of public functions for fuzzing in the sources below a directory.
fn find_functions(directory: &Path, found: &mut BTreeSet<String>) -> Result {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find_functions(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            for line in fs::read_to_string(&path)?.lines() {
                if let Some(rest) = line.strip_prefix("pub fn fuzz_")
                    && let Some((name, _)) = rest.split_once('(')
                {
                    found.insert(format!("fuzz_{name}"));
                }
            }
        }
    }
    Ok(())
}
