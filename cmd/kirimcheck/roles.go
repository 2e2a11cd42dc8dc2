package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
)

// roles are those that a target can have.
func roles() []contract.Role {
	return []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver, contract.RoleRelay}
}

// roleNames are the roles for a person: "receiver, meta-receiver or relay". Without any, they are all.
func roleNames(known ...contract.Role) string {
	if len(known) == 0 {
		known = roles()
	}
	var names []string
	for _, r := range known {
		names = append(names, string(r))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// checkRole checks the value of --role; an empty one stands for all.
func checkRole(role string, known ...contract.Role) error {
	if role == "" || slices.Contains(known, contract.Role(role)) {
		return nil
	}
	return fmt.Errorf("--role %q: it is %s", role, roleNames(known...))
}
