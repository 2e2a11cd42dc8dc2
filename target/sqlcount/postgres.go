package sqlcount

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

type postgres struct {
	dsn    string
	config *pgx.ConnConfig
}

func newPostgres(dsn string) (*postgres, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's error quotes the DSN.
		return nil, errors.New("it is no DSN of PostgreSQL; write one such as postgres://user:password@127.0.0.1:5432/database")
	}
	if _, set := config.RuntimeParams["application_name"]; !set {
		config.RuntimeParams["application_name"] = "kirimcheck"
	}
	return &postgres{dsn, config}, nil
}

func (p *postgres) open() (*sql.DB, error) { return stdlib.OpenDB(*p.config), nil }

func (p *postgres) there() error { return nil }

// seal has nothing to do: a transaction that began read-only stays so from its first query on.
func (p *postgres) seal(context.Context, *sql.Conn) error { return nil }

// sealed asks by a SELECT and not by SHOW: with the first query PostgreSQL fixes the property for the transaction.
func (p *postgres) sealed(ctx context.Context, tx *sql.Tx) (bool, error) {
	var setting string
	err := tx.QueryRowContext(ctx, "SELECT current_setting('transaction_read_only')").Scan(&setting)
	return setting == "on", err
}

// secrets include a password that came from the environment or from a password file.
func (p *postgres) secrets() []string { return present(p.dsn, p.config.Password) }

func (p *postgres) place() string {
	return net.JoinHostPort(p.config.Host, strconv.Itoa(int(p.config.Port))) + "/" + p.config.Database
}

// present drops empty texts.
func present(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}
