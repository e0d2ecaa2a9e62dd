#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_wire::l2tp::fuzz_l2tp(octets));
