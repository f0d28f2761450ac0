BEGIN TRANSACTION;
CREATE TABLE knowledge_chunks (
        number BIGINT NOT NULL PRIMARY KEY,
        id TEXT NOT NULL,
        sequence BIGINT NOT NULL,
        tenant TEXT NOT NULL,
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        filename TEXT NOT NULL,
        page BIGINT NOT NULL,
        page_end BIGINT NOT NULL,
        heading TEXT NOT NULL,
        content TEXT NOT NULL,
        is_table BIGINT NOT NULL,
        boxes TEXT NOT NULL
    );
INSERT INTO "knowledge_chunks" VALUES(1048576,'psg_01a22df6b3b67b9e9cc6e845d858ad1e',1,'ten_01a22df6b39073d78b4dc02e03f3e4d5','vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','animals.md',1,1,'One','The hound sleeps.',0,'[]');
INSERT INTO "knowledge_chunks" VALUES(1048577,'psg_01a22df6b3b675be97ff0bb194a2b1ec',1,'ten_01a22df6b39073d78b4dc02e03f3e4d5','vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','animals.md',1,1,'Two','A feline purrs.',0,'[]');
INSERT INTO "knowledge_chunks" VALUES(1048578,'psg_01a22df6b3b67fe59b990caed32e9d6c',1,'ten_01a22df6b39073d78b4dc02e03f3e4d5','vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','animals.md',1,1,'Three','The vessel sinks.',0,'[]');
INSERT INTO "knowledge_chunks" VALUES(2097152,'psg_01a22df6b4617410bac320eaae5c727c',2,'ten_01a22df6b39073d78b4dc02e03f3e4d5','vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b45174469e610d9dae976ead','people.csv',1,1,'','city | people
Oslo, Norway | 709037
Bergen | 291940',1,'[]');
CREATE TABLE knowledge_documents (
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        tenant TEXT NOT NULL,
        filename TEXT NOT NULL,
        stage TEXT NOT NULL,
        status TEXT NOT NULL,
        reader TEXT NOT NULL,
        pages_done BIGINT NOT NULL,
        pages_total BIGINT NOT NULL,
        n_chunks BIGINT NOT NULL,
        usage_bytes BIGINT NOT NULL,
        error_code TEXT,
        error_message TEXT,
        attributes TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        requested_at BIGINT NOT NULL,
        PRIMARY KEY (store, file)
    );
INSERT INTO "knowledge_documents" VALUES('vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','ten_01a22df6b39073d78b4dc02e03f3e4d5','animals.md','ready','completed','markdown',1,1,3,96,NULL,NULL,'{}',1796067472282,1796067472282);
INSERT INTO "knowledge_documents" VALUES('vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b45174469e610d9dae976ead','ten_01a22df6b39073d78b4dc02e03f3e4d5','people.csv','ready','completed','csv',1,1,1,63,NULL,NULL,'{}',1796067472467,1796067472467);
CREATE TABLE knowledge_files (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        blob TEXT NOT NULL,
        filename TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        purpose TEXT NOT NULL,
        created_at BIGINT NOT NULL
    , created_by TEXT);
INSERT INTO "knowledge_files" VALUES('file-01a22df6b3977fef8b7105937f855620','ten_01a22df6b39073d78b4dc02e03f3e4d5','74c2ac21de983682a65a82b548efcbff4ba333edf3911ae933ab6c5cdb259808','animals.md',76,'user_data',1796067472279,NULL);
INSERT INTO "knowledge_files" VALUES('file-01a22df6b45174469e610d9dae976ead','ten_01a22df6b39073d78b4dc02e03f3e4d5','c4571752a39edf8517bebfe70758e2efb02c2b18383d66b91ad863d27ff39e94','people.csv',48,'user_data',1796067472465,NULL);
INSERT INTO "knowledge_files" VALUES('file-01a22df6b4c87cb2a640d5fb9e256883','ten_01a22df6b39073d78b4dc02e03f3e4d5','9a22597d0941dddfe98ce1a0a09a24c22502365652e743244f339c4056d057e9','gone.txt',21,'user_data',1796067472584,NULL);
CREATE TABLE "knowledge_migrations" ( "version" varchar NOT NULL PRIMARY KEY, "applied_at" integer NOT NULL );
INSERT INTO "knowledge_migrations" VALUES('m0001_knowledge',1796067472);
INSERT INTO "knowledge_migrations" VALUES('m0002_file_owners',1796067472);
INSERT INTO "knowledge_migrations" VALUES('m0003_files_by_blob',1796067472);
CREATE TABLE knowledge_pages (
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        page BIGINT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (store, file, page)
    );
CREATE TABLE knowledge_removals (
        sequence BIGINT NOT NULL,
        store TEXT NOT NULL,
        file TEXT NOT NULL
    );
INSERT INTO "knowledge_removals" VALUES(4,'vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b4c87cb2a640d5fb9e256883');
CREATE TABLE knowledge_state (
        name TEXT NOT NULL PRIMARY KEY,
        value BIGINT NOT NULL
    );
INSERT INTO "knowledge_state" VALUES('epoch',1796067472230);
INSERT INTO "knowledge_state" VALUES('sequence',4);
CREATE TABLE knowledge_vectors (
        number BIGINT NOT NULL PRIMARY KEY,
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        model TEXT NOT NULL,
        numbers BYTEA NOT NULL
    );
INSERT INTO "knowledge_vectors" VALUES(1048576,'vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','stand-in',X'AE47813F0AD7233C0AD7233C');
INSERT INTO "knowledge_vectors" VALUES(1048577,'vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','stand-in',X'0AD7233CAE47813F0AD7233C');
INSERT INTO "knowledge_vectors" VALUES(1048578,'vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b3977fef8b7105937f855620','stand-in',X'0AD7233C0AD7233CAE47813F');
INSERT INTO "knowledge_vectors" VALUES(2097152,'vs_01a22df6b3917eeab448c2177011ea90','file-01a22df6b45174469e610d9dae976ead','stand-in',X'0AD7233C0AD7233C0AD7233C');
CREATE INDEX knowledge_files_listed ON knowledge_files (tenant, id);
CREATE INDEX knowledge_documents_by_file ON knowledge_documents (tenant, file);
CREATE INDEX knowledge_documents_by_status ON knowledge_documents (status);
CREATE INDEX knowledge_chunks_by_source ON knowledge_chunks (store, file);
CREATE INDEX knowledge_chunks_by_sequence ON knowledge_chunks (sequence);
CREATE INDEX knowledge_removals_by_sequence ON knowledge_removals (sequence);
CREATE INDEX knowledge_vectors_by_source ON knowledge_vectors (store, file);
CREATE INDEX knowledge_files_by_blob ON knowledge_files (blob);
COMMIT;
