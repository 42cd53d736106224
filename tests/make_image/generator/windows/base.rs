//! The lowest layer.

use super::hives::{self, Size};
use super::{Maker, special};
use crate::generator::builder::name;
use crate::generator::item::Body;

const CONFIG: &str = "Files/Windows/System32/config";
const UTILITY_VM: &str = "UtilityVM/Files";

/// Of a hundred files so many have a second name in WinSxS, which makes four of ten entries links.
const LINKED: u64 = 86;

impl Maker<'_> {
    pub(super) fn base(&mut self, layers: usize) {
        self.builder.directory(b"Files");
        self.registry();
        self.utility_vm();
        special::names(&mut self.builder);
        for index in 1..layers {
            self.builder.room(&format!("Files/ProgramData/Room {index}"));
        }
        self.components();
    }

    fn registry(&mut self) {
        for (name, size) in [
            ("DEFAULT", Size::Small),
            ("SAM", Size::Small),
            ("SECURITY", Size::Small),
            ("SOFTWARE", Size::Large),
            ("SYSTEM", Size::Large),
        ] {
            let mut random = self.builder.random.fork(name);
            let hive = hives::base(&mut random, size.keys(self.keys));
            self.builder.file(format!("{CONFIG}/{name}").as_bytes(), Body::Bytes(hive));
        }
    }

    fn utility_vm(&mut self) {
        for (path, keys) in [
            ("EFI/Microsoft/Boot/BCD", 12),
            ("Windows/System32/config/SYSTEM", 20),
            ("Windows/System32/config/SOFTWARE", 20),
        ] {
            let mut random = self.builder.random.fork(path);
            let hive = hives::base(&mut random, keys);
            self.builder.file(format!("{UTILITY_VM}/{path}").as_bytes(), Body::Bytes(hive));
        }
        let (_, loader) = self.modules.take(200 << 10);
        let first = format!("{UTILITY_VM}/EFI/Microsoft/Boot/bootmgfw.efi");
        self.builder.file(first.as_bytes(), loader);
        self.builder.link(format!("{UTILITY_VM}/Windows/Boot/EFI/bootmgfw.efi").as_bytes(), first.as_bytes());
    }

    /// Fills the rest of the layer: components of Windows, most of their files with a second name.
    fn components(&mut self) {
        let longest = self.builder.left() / 12;
        while self.builder.left() > 4096 {
            let files = 1 + self.builder.random.below(6);
            let key = self.builder.random.next();
            let store = format!(
                "Files/Windows/WinSxS/amd64_component-{:04x}_31bf3856ad364e35_10.0.20348.1_none_{key:016x}",
                key >> 48
            );
            for _ in 0..files {
                self.component_file(&store, longest);
            }
        }
    }

    fn component_file(&mut self, store: &str, longest: u64) {
        let is_module = self.builder.random.percent(15);
        let max = longest.min(self.builder.left());
        let (name_of, body) =
            if is_module { self.modules.take(max) } else { self.texts.take(max.min(64 << 10)) };
        let directories: &[&str] = if is_module {
            &["System32", "System32/drivers", "SysWOW64", "Microsoft.NET/Framework64/v4.0.30319"]
        } else {
            &[
                "System32/en-US",
                "INF",
                "servicing/Packages",
                "Globalization",
                "System32/DriverStore/FileRepository",
            ]
        };
        let directory = self.builder.random.pick(directories);
        let path = self.builder.world.unused(&format!("Files/Windows/{directory}/{name_of}"));
        self.builder.fair_game(path.as_bytes(), body);
        if self.builder.random.percent(LINKED) {
            let name = String::from_utf8_lossy(name(path.as_bytes())).into_owned();
            self.builder.link(format!("{store}/{name}").as_bytes(), path.as_bytes());
        }
    }
}
