use proptest::prelude::*;

use super::fuzz::fuzz_plane;

proptest! {
    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_plane(wanbox_sim::Clock::new().now(), &octets);
    }
}
