#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_net_netrom::fuzz_netrom_node(std::time::Instant::now(), octets));
