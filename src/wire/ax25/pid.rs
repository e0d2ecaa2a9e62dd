//! What the information of I and UI frames is (section 3.4).

/// X.25's packet layer.
pub const X25: u8 = 0x01;
/// A segment of something longer.
pub const SEGMENT: u8 = 0x08;
/// TexNet.
pub const TEXNET: u8 = 0xc3;
/// Link quality protocol.
pub const LINK_QUALITY: u8 = 0xc4;
/// AppleTalk.
pub const APPLETALK: u8 = 0xca;
/// AppleTalk's ARP.
pub const APPLETALK_ARP: u8 = 0xcb;
/// Internet protocol.
pub const IP: u8 = 0xcc;
/// Address resolution.
pub const ARP: u8 = 0xcd;
/// FlexNet.
pub const FLEXNET: u8 = 0xce;
/// NET/ROM.
pub const NETROM: u8 = 0xcf;
/// Text: no protocol above AX.25.
pub const TEXT: u8 = 0xf0;

/// The name of a protocol in traces; `None` for those without one.
#[must_use]
pub const fn name(pid: u8) -> Option<&'static str> {
    Some(match pid {
        X25 => "X.25",
        SEGMENT => "Segment",
        TEXNET => "TEXNET",
        LINK_QUALITY => "Link quality",
        APPLETALK => "AppleTalk",
        APPLETALK_ARP => "AppleTalk ARP",
        IP => "IP",
        ARP => "ARP",
        FLEXNET => "FLEXNET",
        NETROM => "NET/ROM",
        TEXT => "Text",
        _ => return None,
    })
}
