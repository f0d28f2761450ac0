//! The rows, as SeaORM sees them. What the columns mean is said in the migration and in the contract.

#![expect(unreachable_pub, reason = "the derive writes `pub` items, whatever the module's visibility")]

macro_rules! tables {
    ($(
        $module:ident = $table:literal called $noun:literal {
            $($(#[$meta:meta])* $field:ident: $type:ty,)*
        }
    )*) => {$(
        pub mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: String,
                pub tenant: String,
                $($(#[$meta])* pub $field: $type,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}

            impl crate::store::Table for Entity {
                const NOUN: &'static str = $noun;

                fn id() -> Column {
                    Column::Id
                }

                fn tenant() -> Column {
                    Column::Tenant
                }

                fn tenant_of(row: &Model) -> &str {
                    &row.tenant
                }

                fn id_of(row: &Model) -> &str {
                    &row.id
                }
            }
        }
    )*};
}

tables! {
    users = "management_users" called "user" {
        email: String,
        name: String,
        role: String,
        password_hash: String,
        disabled: i64,
        created_at: i64,
        updated_at: i64,
        last_login_at: Option<i64>,
    }
    keys = "management_keys" called "API key" {
        owner: String,
        name: String,
        prefix: String,
        sha256: String,
        role: String,
        requests_per_minute: Option<i64>,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        revoked_at: Option<i64>,
    }
    prompts = "management_prompts" called "prompt" {
        name: String,
        description: String,
        live_version: i64,
        latest_version: i64,
        created_at: i64,
        updated_at: i64,
    }
    agents = "management_agents" called "agent" {
        name: String,
        title: String,
        description: String,
        model: String,
        prompt: String,
        prompt_version: Option<i64>,
        tools: String,
        knowledge_bases: String,
        limits: String,
        created_at: i64,
        updated_at: i64,
    }
    knowledge_bases = "management_knowledge_bases" called "knowledge base" {
        name: String,
        description: String,
        metadata: String,
        created_by: Option<String>,
        created_at: i64,
        last_active_at: i64,
        private: i64,
    }
}

pub mod tenants {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "management_tenants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        pub home: i64,
        pub disabled: i64,
        pub created_at: i64,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    /// A tenant is its own tenant, so the same scope fences it.
    impl crate::store::Table for Entity {
        const NOUN: &'static str = "tenant";

        fn id() -> Column {
            Column::Id
        }

        fn tenant() -> Column {
            Column::Id
        }

        fn tenant_of(row: &Model) -> &str {
            &row.id
        }

        fn id_of(row: &Model) -> &str {
            &row.id
        }
    }
}

pub mod prompt_versions {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "management_prompt_versions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub prompt: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub tenant: String,
        pub text: String,
        pub note: String,
        pub created_by: Option<String>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    /// Paged by its number, within one prompt.
    impl crate::store::Table for Entity {
        const NOUN: &'static str = "prompt version";

        fn id() -> Column {
            Column::Version
        }

        fn tenant() -> Column {
            Column::Tenant
        }

        fn tenant_of(row: &Model) -> &str {
            &row.tenant
        }

        fn id_of(row: &Model) -> &str {
            &row.prompt
        }
    }
}
