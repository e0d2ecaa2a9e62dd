#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| wanbox_l2tpns_engine::plugin::fuzz_plugin(
    std::time::Instant::now(),
    octets
));
