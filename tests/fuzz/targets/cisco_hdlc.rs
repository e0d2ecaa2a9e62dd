#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::cisco_hdlc::fuzz_cisco_hdlc(octets));
