#![no_main]
libfuzzer_sys::fuzz_target!(
    |octets: &[u8]| wanbox_l2tpns_engine::tunnel::fuzz::fuzz_tunnels(
        std::time::Instant::now(),
        octets
    )
);
