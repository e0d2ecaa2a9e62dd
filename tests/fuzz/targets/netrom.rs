#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::netrom::fuzz_netrom(octets));
