//! The variables of `set`: one table, from which files, the command line, help and the manual are
//! made.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::access_list::AccessLists;
use super::bgp::Router;
use super::forward::Forward;
use super::value::{AuthType, Kind, Log, Secret, Value};

/// When a changed value has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// From its next use on.
    Now,
    /// In sessions that begin later.
    NewSessions,
    /// After the next start.
    Restart,
    /// Kept and written back, but it belongs to what this program does not do yet.
    Inactive(&'static str),
    /// Kept and written back, but there is nothing here that it could change.
    Nothing(&'static str),
}

/// One variable.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it may be set to.
    pub kind: Kind,
    /// When a changed value has an effect.
    pub applies: Applies,
    /// What it is for.
    pub help: &'static str,
    get: fn(&Config) -> &dyn Value,
    get_mut: fn(&mut Config) -> &mut dyn Value,
}

impl Variable {
    /// The variable of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        VARIABLES.iter().find(|variable| variable.name == name)
    }

    /// Its value in a configuration, without quotes.
    #[must_use]
    pub fn text(&self, config: &Config) -> String {
        (self.get)(config).text(&self.kind)
    }

    /// Its value when nothing is configured, without quotes.
    #[must_use]
    pub fn default_text(&self) -> String {
        self.text(&Config::default())
    }

    /// Sets it. Returns what is worth a word.
    ///
    /// # Errors
    /// What is wrong with the value; the configuration is as before then.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<Option<String>, String> {
        let number = matches!(
            self.kind,
            Kind::Number(..)
                | Kind::Clamped(..)
                | Kind::Port
                | Kind::Seconds(..)
                | Kind::Tenths(..)
        );
        let value = (self.get_mut)(config);
        match value.set(text, &self.kind) {
            Err(_) if number && text == "0" => value.set(&self.default_text(), &self.kind),
            Ok(Some(_)) if number && text == "0" => value.set(&self.default_text(), &self.kind),
            result => result,
        }
    }
}

macro_rules! written {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $written:literal) => {
        $written
    };
}

macro_rules! variables {
    ($( $field:ident $($written:literal)? : $type:ty = $default:expr,
        $kind:expr, $applies:expr, $help:literal; )*) => {
        /// What is configured. Fields have the names of their variables.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config {
            $( #[doc = $help] pub $field: $type, )*
            /// Plugins, in the order of their `load plugin`.
            pub plugins: Vec<String>,
            /// Whose sessions go on to other network servers (`setforward`).
            pub forwards: Vec<Forward>,
            /// `router bgp`.
            pub bgp: Option<Router>,
            /// `ip access-list`.
            pub access_lists: AccessLists,
        }

        impl Default for Config {
            fn default() -> Self {
                Self {
                    $( $field: $default, )*
                    plugins: Vec::new(),
                    forwards: Vec::new(),
                    bgp: None,
                    access_lists: AccessLists::default(),
                }
            }
        }

        /// Every variable, in the order in which they are printed.
        pub static VARIABLES: &[Variable] = &[
            $( Variable {
                name: written!($field $($written)?),
                kind: $kind,
                applies: $applies,
                help: $help,
                get: |config| &config.$field,
                get_mut: |config| &mut config.$field,
            }, )*
        ];
    };
}

use Applies::{Inactive, NewSessions, Nothing, Now, Restart};

const CLUSTER: Applies = Inactive("clusters");
const BGP: Applies = Inactive("BGP");
const PPPOE: Applies = Inactive("PPPoE");
const LAC: Applies = Inactive("forwarding of sessions to other network servers");

const DAY: u32 = 86_400;
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

variables! {
    debug: u32 = 0, Kind::Number(0, 5), Now,
        "How much is logged: 0 critical errors, 1 errors, 2 warnings, 3 information, 4 calls, 5 packets.";
    log_file: Log = Log::Stderr, Kind::Log, Now,
        "Where the log goes: a file, syslog:FACILITY, or nothing for standard error.";
    pid_file: String = String::new(), Kind::Path, Restart,
        "The file that has the number of the process while it runs.";
    random_device: String = "/dev/urandom".into(), Kind::Text, Nothing("random numbers come from the kernel"),
        "Where the original read random numbers.";
    l2tp_secret: Secret = Secret::default(), Kind::Secret, Now,
        "The secret shared with the peers of tunnels: for their challenges and ours, and for hidden attributes.";
    l2tp_mtu: u32 = 1500, Kind::Clamped(576, 2600), NewSessions,
        "The MTU of the way between peers and us, octets. What PPP may carry (MRU) is 38 less, at most 1492, and the TCP segment size (MSS) another 40 less. The MTU of the TUN changes with the next start.";
    ppp_restart_time: Duration = seconds(3), Kind::Seconds(1, 60), NewSessions,
        "The restart timer of PPP's negotiations (RFC 1661, 4.6).";
    ppp_max_configure: u32 = 10, Kind::Number(1, 255), NewSessions,
        "How often a Configure-Request is sent (RFC 1661, 4.6).";
    ppp_max_failure: u32 = 5, Kind::Number(1, 255), NewSessions,
        "How many Configure-Naks are sent before Configure-Reject (RFC 1661, 4.6).";
    ppp_keepalive: bool = true, Kind::Flag, Now,
        "LCP echo requests are only sent to sessions from which nothing comes (yes), or to all (no). What ends a session is silence for idle_echo_timeout in either case.";
    primary_dns: Option<Ipv4Addr> = None, Kind::Ipv4, NewSessions,
        "The first DNS server for clients to which RADIUS gives none.";
    secondary_dns: Option<Ipv4Addr> = None, Kind::Ipv4, NewSessions,
        "The second DNS server for clients to which RADIUS gives none.";
    primary_radius: Option<Ipv4Addr> = None, Kind::Ipv4, Now,
        "The first RADIUS server, for authentication and accounting.";
    secondary_radius: Option<Ipv4Addr> = None, Kind::Ipv4, Now,
        "The second RADIUS server, asked when the first does not answer.";
    primary_radius_port: Option<u16> = None, Kind::Port, Now,
        "The authentication port of the first RADIUS server; 0 is 1812.";
    secondary_radius_port: Option<u16> = None, Kind::Port, Now,
        "The authentication port of the second RADIUS server; 0 is that of the first.";
    radius_accounting: bool = false, Kind::Flag, Now,
        "Accounting records are sent at the start and at the end of a session.";
    radius_interim: Duration = Duration::ZERO, Kind::Seconds(0, DAY), Now,
        "The time between interim accounting records of a session; 0 is none.";
    radius_secret: Secret = Secret::default(), Kind::Secret, Now,
        "The secret shared with the RADIUS servers. Without one, RADIUS is not used.";
    radius_authtypes: Vec<AuthType> = vec![AuthType::Pap], Kind::AuthTypes, NewSessions,
        "How clients are authenticated: pap, chap and mschapv2, the preferred one first. Any beginning of a word will do.";
    radius_dae_port: u16 = 3799, Kind::Port, Restart,
        "The port for requests of RADIUS servers to disconnect or to change sessions (RFC 5176).";
    radius_bind_min: Option<u16> = None, Kind::Port, Restart,
        "The lowest local port of RADIUS requests; 0 leaves it to the kernel.";
    radius_bind_max: Option<u16> = None, Kind::Port, Restart,
        "The highest local port of RADIUS requests; 0 is 65534 if there is a lowest.";
    allow_duplicate_users: bool = false, Kind::Flag, Now,
        "A user name may have several sessions. Otherwise a new one ends those before it.";
    kill_timedout_sessions: bool = true, Kind::Flag, Now,
        "A Session-Timeout of 0 from RADIUS ends the session at once.";
    guest_account: Vec<String> = Vec::new(), Kind::Words(64), Now,
        "User names that may have several sessions in any case.";
    bind_address: Option<Ipv4Addr> = None, Kind::Ipv4, Restart,
        "The address on which tunnels are accepted, all if none is given; also the NAS-IP-Address.";
    peer_address: Option<Ipv4Addr> = None, Kind::Ipv4, NewSessions,
        "Our own address in PPP, which clients have as their gateway; otherwise that of the TUN.";
    send_garp: bool = false, Kind::Flag, CLUSTER,
        "A gratuitous ARP for bind_address is sent when this node takes over.";
    throttle_speed: u32 = 28, Kind::Number(0, u32::MAX / 128), Now,
        "The rate of sessions that are throttled without one of their own, kbit/s of 1024 bits.";
    throttle_buckets: u32 = 6000, Kind::Number(0, u32::MAX), Nothing("there are as many token buckets as needed"),
        "How many token buckets the original had.";
    accounting_dir: String = String::new(), Kind::Path, Now,
        "The directory that gets a file with the octets of all sessions every five minutes.";
    account_all_origin: bool = false, Kind::Flag, Now,
        "Files of accounting_dir have sessions of every origin, and a column that tells it.";
    dump_speed: bool = false, Kind::Flag, Now,
        "The used bandwidth is printed on standard output every second, of a daemon that is in the foreground.";
    multi_read_count: u32 = 10, Kind::Number(1, 10_000), Now,
        "How many batches of packets are read from a socket before others are looked after.";
    scheduler_fifo: bool = false, Kind::Flag, Restart,
        "The process runs before all ordinary ones (SCHED_FIFO), if there is more than one processor.";
    lock_pages: bool = false, Kind::Flag, Restart,
        "The memory of the process is never swapped out.";
    icmp_rate: u32 = 0, Kind::Number(0, 1_000_000), Now,
        "How many ICMP host unreachable are sent in a second at most; 0 is none.";
    packet_limit: u32 = 0, Kind::Number(0, u32::MAX), Now,
        "How many packets a session is sent in a tenth of a second at most, what is more is dropped; 0 is no limit.";
    cluster_address: Ipv4Addr = Ipv4Addr::new(239, 192, 13, 13), Kind::Ipv4, CLUSTER,
        "The multicast address of the cluster.";
    cluster_port: u16 = 32792, Kind::Port, CLUSTER,
        "The UDP port of the cluster.";
    cluster_interface: String = "eth0".into(), Kind::Interface, CLUSTER,
        "The interface of the cluster.";
    cluster_mcast_ttl: u32 = 1, Kind::Number(1, 255), CLUSTER,
        "The TTL of packets to the cluster.";
    cluster_hb_interval: Duration = Duration::from_millis(500), Kind::Tenths(1, 36_000), CLUSTER,
        "The time between heartbeats of the cluster.";
    cluster_hb_timeout: Duration = seconds(15), Kind::Tenths(1, 36_000), CLUSTER,
        "How long the master of a cluster may be silent; at least 1.1 s more than four intervals.";
    cluster_master_min_adv: u32 = 1, Kind::Number(0, 10_000), CLUSTER,
        "How many slaves have to be up to date before the master of a cluster gives up its routes.";
    ipv6_prefix: Option<Ipv6Addr> = None, Kind::Ipv6, NewSessions,
        "The /64 from which clients get their IPv6 addresses. Without one there is no IPv6 in sessions. The TUN's own address changes with the next start.";
    cli_bind_address: IpAddr = LOOPBACK, Kind::Listen, Restart,
        "The address on which the command line is served by telnet.";
    hostname: String = String::new(), Kind::Text, Restart,
        "Our name in tunnels and prompts; otherwise that of the machine.";
    nexthop_address: Option<Ipv4Addr> = None, Kind::Ipv4, BGP,
        "The NEXT_HOP of announced IPv4 routes.";
    nexthop6_address: Option<Ipv6Addr> = None, Kind::Ipv6, BGP,
        "The next hop of announced IPv6 routes.";
    echo_timeout: Duration = seconds(10), Kind::Seconds(1, DAY), Now,
        "How long nothing may come from a client before an LCP echo request is sent.";
    idle_echo_timeout: Duration = seconds(240), Kind::Seconds(1, DAY), Now,
        "How long nothing at all may come from a client before its session ends.";
    iftun_address: Option<Ipv4Addr> = None, Kind::Ipv4, Restart,
        "The address of the TUN; otherwise the first on which tunnels are accepted, or 1.1.1.1.";
    tundevicename: String = String::new(), Kind::Interface, Restart,
        "The name of the TUN; otherwise the kernel numbers it.";
    disable_lac_func: bool = false, Kind::Flag, LAC,
        "No session goes on to another network server, whatever setforward and RADIUS say.";
    auth_tunnel_change_addr_src: bool = false, Kind::Flag, Now,
        "A tunnel follows its peer to another address, if the port is the same.";
    bind_address_remotelns: Option<Ipv4Addr> = None, Kind::Ipv4, LAC,
        "The local address of tunnels to other network servers.";
    bind_portremotelns: u16 = 65432, Kind::Port, LAC,
        "The local port of tunnels to other network servers.";
    pppoe_if_to_bind: String = String::new(), Kind::Interface, PPPOE,
        "The interface of the PPPoE server; without one there is none.";
    pppoe_service_name: String = String::new(), Kind::Text, PPPOE,
        "The service name of the PPPoE server.";
    pppoe_ac_name: String = "l2tpns-pppoe".into(), Kind::Text, PPPOE,
        "The access concentrator name of the PPPoE server.";
    disable_sending_hello: bool = false, Kind::Flag, Now,
        "HELLO is not sent in quiet tunnels, for peers that do not know it.";
    disable_no_spoof: bool = false, Kind::Flag, Now,
        "Clients may send from any IPv4 address.";
    bind_multi_address: Vec<IpAddr> = Vec::new(), Kind::Addresses(16), Restart,
        "The addresses on which tunnels are accepted, IPv4 and IPv6, in place of bind_address.";
    pppoe_only_equal_svc_name: bool = false, Kind::Flag, PPPOE,
        "The PPPoE server only answers to its own service name.";
    multi_hostname: Vec<String> = Vec::new(), Kind::Words(17), Now,
        "Our names in tunnels, one for each address of bind_multi_address, then one for tunnels to other network servers.";
    no_throttle_local_ip "no_throttle_local_IP": bool = false, Kind::Flag, Now,
        "What goes from one client to another is not throttled.";
    dhcp6_preferred_lifetime: u32 = 0, Kind::Number(0, u32::MAX), Now,
        "The preferred lifetime of delegated prefixes, seconds; 0 is infinite.";
    dhcp6_valid_lifetime: u32 = 0, Kind::Number(0, u32::MAX), Now,
        "The valid lifetime of delegated prefixes, seconds; 0 is infinite.";
    dhcp6_server_duid: u32 = 0, Kind::Number(0, u32::MAX), Restart,
        "The number in our DHCPv6 identifier; 0 is 0xFDFDFAFA.";
    dns6_lifetime: u32 = 1200, Kind::Number(0, u32::MAX), Now,
        "The lifetime of DNS servers in router advertisements, seconds.";
    primary_ipv6_dns: Option<Ipv6Addr> = None, Kind::Ipv6, Now,
        "The first IPv6 DNS server for clients to which RADIUS gives none.";
    secondary_ipv6_dns: Option<Ipv6Addr> = None, Kind::Ipv6, Now,
        "The second IPv6 DNS server for clients to which RADIUS gives none.";
    default_ipv6_domain_list: Vec<String> = Vec::new(), Kind::Words(16), Now,
        "The domains in which clients look up names.";

    // What the original does not have.
    max_tunnels: u32 = 65_535, Kind::Number(1, 65_535), Now,
        "How many tunnels there may be; those that exist already stay.";
    max_sessions: u32 = 262_144, Kind::Number(1, 4_000_000), Now,
        "How many sessions there may be; those that exist already stay.";
    l2tp_challenge: bool = false, Kind::Flag, Now,
        "All peers that open tunnels have to prove that they know l2tp_secret (RFC 2661, 5.1.1). Otherwise only those have to that ask us to prove it.";
    multilink: bool = true, Kind::Flag, NewSessions,
        "Clients are offered multilink PPP (RFC 1990): further calls of a user from the same endpoint join the first one, with one address for all.";
    multilink_links: u32 = 8, Kind::Number(1, 16), Now,
        "How many calls one user may join at most. Port-Limit from RADIUS may allow fewer.";
    l2tp_proxy: bool = false, Kind::Flag, Now,
        "What peers negotiated with clients in our place, LCP and authentication, is taken over instead of being negotiated again.";
    primary_radius_accounting_port: Option<u16> = None, Kind::Port, Now,
        "The accounting port of the first RADIUS server; 0 is one more than its authentication port.";
    secondary_radius_accounting_port: Option<u16> = None, Kind::Port, Now,
        "The accounting port of the second RADIUS server; 0 is one more than its authentication port.";
    radius_message_authenticator: bool = true, Kind::Flag, Now,
        "Answers of RADIUS servers without a valid Message-Authenticator are refused (yes), or taken as long as it is not wrong (no), for old servers. It is always sent.";
    dae_bind_address: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED), Kind::Listen, Restart,
        "The address on which requests of RADIUS servers (radius_dae_port) are served.";
    dae_clients: Vec<IpAddr> = Vec::new(), Kind::Addresses(16), Now,
        "From where requests at radius_dae_port are taken, beside the RADIUS servers.";
    dae_require_timestamp: bool = false, Kind::Flag, Now,
        "Requests at radius_dae_port without Event-Timestamp are refused, for they could be repeated later.";
    dae_require_message_authenticator: bool = false, Kind::Flag, Now,
        "Requests at radius_dae_port without Message-Authenticator are refused.";
    snoop_host: Option<Ipv4Addr> = None, Kind::Ipv4, Now,
        "The collector for users with intercept=yes from RADIUS.";
    snoop_port: Option<u16> = None, Kind::Port, Now,
        "The UDP port of the collector for users with intercept=yes from RADIUS.";
    plugin_timeout: Duration = seconds(2), Kind::Seconds(1, 60), Now,
        "How long the answer of a program that is a plugin is waited for.";
    plugins_required: bool = false, Kind::Flag, Now,
        "Without the answer of a program that is a plugin, logins are refused and commands fail. Otherwise all goes on without it.";
    cli_port: Option<u16> = Some(23), Kind::Port, Restart,
        "The TCP port of the command line; 0 serves it on the local socket only.";
    nsctl_bind_address: IpAddr = LOOPBACK, Kind::Listen, Restart,
        "The address on which commands of nsctl are served. Nothing in their protocol tells who sent them.";
    nsctl_port: Option<u16> = Some(1702), Kind::Port, Restart,
        "The UDP port for commands of nsctl; 0 serves none.";
    metrics_address: Option<SocketAddr> = None, Kind::Endpoint, Restart,
        "Where counters are served in the text format of Prometheus; nowhere if nothing is given.";
    plugin_directory: String = "/usr/lib/l2tpns".into(), Kind::Path, Now,
        "Where programs that are plugins are. Those that run go on.";
    subscribers_file: String = String::new(), Kind::Path, Now,
        "A file of users that are known without RADIUS.";
}
