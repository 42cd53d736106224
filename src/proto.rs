//! What is generated from `proto/`, in the packages that the messages name each other by.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    reason = "generated"
)]

pub(crate) mod cimsnap {
    pub(crate) mod v1 {
        tonic::include_proto!("cimsnap.v1");
    }
}

pub(crate) mod containerd {
    pub(crate) mod types {
        tonic::include_proto!("containerd.types");
    }

    pub(crate) mod services {
        pub(crate) mod content {
            pub(crate) mod v1 {
                tonic::include_proto!("containerd.services.content.v1");
            }
        }
        pub(crate) mod diff {
            pub(crate) mod v1 {
                tonic::include_proto!("containerd.services.diff.v1");
            }
        }
        pub(crate) mod leases {
            pub(crate) mod v1 {
                tonic::include_proto!("containerd.services.leases.v1");
            }
        }
        pub(crate) mod namespaces {
            pub(crate) mod v1 {
                tonic::include_proto!("containerd.services.namespaces.v1");
            }
        }
        pub(crate) mod version {
            pub(crate) mod v1 {
                tonic::include_proto!("containerd.services.version.v1");
            }
        }
    }
}
