//! The types of attributes.

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Kind {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }
    };
}

kinds! {
    /// Text (RFC 2865 section 5.1).
    USER_NAME = 1;
    /// Hidden octets (RFC 2865 section 5.2).
    USER_PASSWORD = 2;
    /// The identifier and the response of CHAP (RFC 2865 section 5.3).
    CHAP_PASSWORD = 3;
    /// IPv4 address (RFC 2865 section 5.4).
    NAS_IP_ADDRESS = 4;
    /// Number (RFC 2865 section 5.5).
    NAS_PORT = 5;
    /// Number (RFC 2865 section 5.6).
    SERVICE_TYPE = 6;
    /// Number: 1 is PPP (RFC 2865 section 5.7).
    FRAMED_PROTOCOL = 7;
    /// IPv4 address, or 255.255.255.254: the server leaves it to us (RFC 2865 section 5.8).
    FRAMED_IP_ADDRESS = 8;
    /// IPv4 mask (RFC 2865 section 5.9).
    FRAMED_IP_NETMASK = 9;
    /// Text (RFC 2865 section 5.11).
    FILTER_ID = 11;
    /// Number, octets (RFC 2865 section 5.12).
    FRAMED_MTU = 12;
    /// Text for the user (RFC 2865 section 5.18).
    REPLY_MESSAGE = 18;
    /// Text: prefix, gateway, metrics (RFC 2865 section 5.22).
    FRAMED_ROUTE = 22;
    /// Octets that a challenged client returns (RFC 2865 section 5.24).
    STATE = 24;
    /// Octets that accounting returns (RFC 2865 section 5.25).
    CLASS = 25;
    /// Attributes of a vendor (RFC 2865 section 5.26).
    VENDOR_SPECIFIC = 26;
    /// Number, seconds (RFC 2865 section 5.27).
    SESSION_TIMEOUT = 27;
    /// Number, seconds (RFC 2865 section 5.28).
    IDLE_TIMEOUT = 28;
    /// Text (RFC 2865 section 5.30).
    CALLED_STATION_ID = 30;
    /// Text (RFC 2865 section 5.31).
    CALLING_STATION_ID = 31;
    /// Text (RFC 2865 section 5.32).
    NAS_IDENTIFIER = 32;
    /// Octets of a proxy, to be returned (RFC 2865 section 5.33).
    PROXY_STATE = 33;
    /// Number: 1 Start, 2 Stop, 3 Interim-Update (RFC 2866 section 5.1).
    ACCT_STATUS_TYPE = 40;
    /// Number, seconds (RFC 2866 section 5.2).
    ACCT_DELAY_TIME = 41;
    /// Number (RFC 2866 section 5.3).
    ACCT_INPUT_OCTETS = 42;
    /// Number (RFC 2866 section 5.4).
    ACCT_OUTPUT_OCTETS = 43;
    /// Text (RFC 2866 section 5.5).
    ACCT_SESSION_ID = 44;
    /// Number: 1 RADIUS, 2 local (RFC 2866 section 5.6).
    ACCT_AUTHENTIC = 45;
    /// Number, seconds (RFC 2866 section 5.7).
    ACCT_SESSION_TIME = 46;
    /// Number (RFC 2866 section 5.8).
    ACCT_INPUT_PACKETS = 47;
    /// Number (RFC 2866 section 5.9).
    ACCT_OUTPUT_PACKETS = 48;
    /// Number (RFC 2866 section 5.10).
    ACCT_TERMINATE_CAUSE = 49;
    /// Text (RFC 2866 section 5.11).
    ACCT_MULTI_SESSION_ID = 50;
    /// Number (RFC 2866 section 5.12).
    ACCT_LINK_COUNT = 51;
    /// Number: how often Acct-Input-Octets wrapped (RFC 2869 section 5.1).
    ACCT_INPUT_GIGAWORDS = 52;
    /// Number: how often Acct-Output-Octets wrapped (RFC 2869 section 5.2).
    ACCT_OUTPUT_GIGAWORDS = 53;
    /// Number: seconds since 1970 (RFC 2869 section 5.3).
    EVENT_TIMESTAMP = 55;
    /// Octets (RFC 2865 section 5.40).
    CHAP_CHALLENGE = 60;
    /// Number: 5 is virtual (RFC 2865 section 5.41).
    NAS_PORT_TYPE = 61;
    /// Number (RFC 2865 section 5.42).
    PORT_LIMIT = 62;
    /// Tagged number: 3 is L2TP (RFC 2868 section 3.1).
    TUNNEL_TYPE = 64;
    /// Tagged number: 1 is IPv4 (RFC 2868 section 3.2).
    TUNNEL_MEDIUM_TYPE = 65;
    /// Tagged text (RFC 2868 section 3.3).
    TUNNEL_CLIENT_ENDPOINT = 66;
    /// Tagged text (RFC 2868 section 3.4).
    TUNNEL_SERVER_ENDPOINT = 67;
    /// Tag, salt and hidden octets (RFC 2868 section 3.5).
    TUNNEL_PASSWORD = 69;
    /// HMAC-MD5 of the packet (RFC 3579 section 3.2).
    MESSAGE_AUTHENTICATOR = 80;
    /// Tagged text (RFC 2868 section 3.6).
    TUNNEL_PRIVATE_GROUP_ID = 81;
    /// Tagged text (RFC 2868 section 3.7).
    TUNNEL_ASSIGNMENT_ID = 82;
    /// Tagged number (RFC 2868 section 3.8).
    TUNNEL_PREFERENCE = 83;
    /// Number, seconds (RFC 2869 section 5.16).
    ACCT_INTERIM_INTERVAL = 85;
    /// Text (RFC 2869 section 5.17).
    NAS_PORT_ID = 87;
    /// Text (RFC 2869 section 5.18).
    FRAMED_POOL = 88;
    /// Tagged text (RFC 2868 section 3.9).
    TUNNEL_CLIENT_AUTH_ID = 90;
    /// Tagged text (RFC 2868 section 3.10).
    TUNNEL_SERVER_AUTH_ID = 91;
    /// IPv6 address (RFC 3162 section 2.1).
    NAS_IPV6_ADDRESS = 95;
    /// Eight octets (RFC 3162 section 2.2).
    FRAMED_INTERFACE_ID = 96;
    /// IPv6 prefix (RFC 3162 section 2.3).
    FRAMED_IPV6_PREFIX = 97;
    /// Text: prefix, gateway, metrics (RFC 3162 section 2.5).
    FRAMED_IPV6_ROUTE = 99;
    /// Text (RFC 3162 section 2.6).
    FRAMED_IPV6_POOL = 100;
    /// Number (RFC 5176 section 3.6).
    ERROR_CAUSE = 101;
    /// IPv6 prefix (RFC 4818 section 3).
    DELEGATED_IPV6_PREFIX = 123;
    /// IPv4 address of a name server, as Ascend numbered it before it got a vendor's space.
    ASCEND_CLIENT_PRIMARY_DNS = 135;
    /// IPv4 address of a second one.
    ASCEND_CLIENT_SECONDARY_DNS = 136;
    /// IPv6 address (RFC 6911 section 3.1).
    FRAMED_IPV6_ADDRESS = 168;
    /// IPv6 address (RFC 6911 section 3.2).
    DNS_SERVER_IPV6_ADDRESS = 169;
    /// Text (RFC 6911 section 3.4).
    DELEGATED_IPV6_PREFIX_POOL = 171;
}
