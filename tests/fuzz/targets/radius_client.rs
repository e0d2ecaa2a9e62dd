#![no_main]
libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    wanbox_l2tpns_engine::radius::fuzz_radius_client(std::time::Instant::now(), octets);
});
